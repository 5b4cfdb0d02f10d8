"""Many records at once: sums, edits of what is selected, and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from .. import _html
from .._plain import Choice


class Function(Choice):
    """What is worked out over a field."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


@dataclass(frozen=True)
class Group:
    """The records that have one value in common.

    Attributes:
        key: The value; ``None`` for records that have none, and where nothing groups them.
        count: How many there are.
        values: What was asked for, by ``function(field)``, such as ``sum(amount)``.
    """

    key: Any
    count: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Groups:
    """Groups of records, in the order of their keys.

    Attributes:
        by: The field that groups them; ``None`` for all in one.
        groups: The groups.
    """

    by: str | None
    groups: list[Group]

    def __iter__(self) -> Any:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, key: Any) -> Group:
        for group in self.groups:
            if group.key == key:
                return group
        raise KeyError(key)

    def _repr_html_(self) -> str:
        names = list(self.groups[0].values) if self.groups else []
        rows = [(one.key, one.count, *one.values.values()) for one in self.groups]
        return _html.table("Groups", (self.by or "", "count", *names), rows)


@dataclass(frozen=True)
class BulkFailure:
    """A record that refused an edit.

    Attributes:
        uid: The entity.
        reason: Why.
    """

    uid: UUID
    reason: str


@dataclass(frozen=True)
class BulkOutcome:
    """What became of the records that an edit selected.

    Attributes:
        selected: How many it selected.
        changed: How many it changed.
        unchanged: How many were like this already.
        refused: How many refused it.
        conflicts: Conflicts that it opened.
        failures: Why, of the first that refused.
    """

    selected: int
    changed: int
    unchanged: int
    refused: int
    conflicts: int
    failures: list[BulkFailure] = field(default_factory=list[BulkFailure])


@dataclass(frozen=True)
class BulkPreview:
    """What an edit would do.

    Attributes:
        selected: How many records it selects.
        tried: What became of the first ones when it was tried and undone.
    """

    selected: int
    tried: BulkOutcome


@dataclass(frozen=True)
class ImportFailure:
    """A row that was refused.

    Attributes:
        row: Its number in the file.
        reason: Why.
        cells: What it holds.
    """

    row: int
    reason: str
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class ImportOutcome:
    """What became of a file's rows.

    Attributes:
        rows: Rows that were read.
        created: Records that were made.
        updated: Records that were changed.
        unchanged: Records that were like this already.
        refused: Rows that were refused.
        failures: Why, of the first 1,000 that were.
    """

    rows: int
    created: int
    updated: int
    unchanged: int
    refused: int
    failures: list[ImportFailure] = field(default_factory=list[ImportFailure])
