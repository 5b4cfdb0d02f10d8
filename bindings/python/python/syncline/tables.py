"""Tables: anything that speaks Arrow's PyCapsule interface."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Protocol

from .errors import UnsupportedError

__all__ = ["Table", "rows_of"]


class Table(Protocol):
    """What pandas, polars, DuckDB and pyarrow read."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """An Arrow stream."""
        ...


def rows_of(records: Any) -> Iterable[Any]:
    """The rows of a table, by column; anything else as it is. Columns that begin with an underscore, as those of a table
    that was written from entities, are left out.

    Raises:
        UnsupportedError: for a table where pyarrow is not installed.
    """
    if not hasattr(records, "__arrow_c_stream__"):
        rows_as_they_are: Iterable[Any] = records
        return rows_as_they_are
    try:
        pyarrow: Any = importlib.import_module("pyarrow")
    except ImportError as missing:
        raise UnsupportedError("a table is read by pyarrow; install it, or pass its rows") from missing
    table = pyarrow.table(records)
    kept = [name for name in table.column_names if not name.startswith("_")]
    rows: Iterable[Any] = (row for batch in table.select(kept).to_batches(1_000) for row in batch.to_pylist())
    return rows
