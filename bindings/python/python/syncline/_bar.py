"""A bar that shows how runs get on."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

from .model.run import Progress

WIDTH = 24


class ProgressBar:
    """Shows progress in one line, in a terminal or under a notebook's cell.

    >>> import io, syncline
    >>> shown = io.StringIO()
    >>> with syncline.simulators.Salesforce(records=20) as sf, syncline.open(":memory:", allow_loopback=True) as sl:
    ...     acme = sl.tenant("Acme")
    ...     sales = acme.connections.with_tokens("salesforce", "sales", **sf.tokens)
    ...     saved = acme.syncs.save("contacts", sales, acme.connections.propose(sales, "Contact"))
    ...     with syncline.ProgressBar(file=shown) as bar:
    ...         runs = acme.runs.run(progress=bar)
    >>> "contacts" in shown.getvalue()
    True

    Args:
        file: Where it is shown; standard error if it is left out.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self._length = 0

    def __call__(self, moment: Progress) -> None:
        """Shows a moment."""
        line = f"{moment.sync} {moment.stage} {_bar(moment)} {moment.rate:,.0f}/s"
        if moment.seconds_left is not None:
            line += f", {moment.seconds_left:,.0f} s left"
        self._file.write("\r" + line.ljust(self._length))
        self._file.flush()
        self._length = len(line)

    def close(self) -> None:
        """Ends the line."""
        if self._length:
            self._file.write("\n")
            self._file.flush()
            self._length = 0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _bar(moment: Progress) -> str:
    read = moment.ledger.read
    if not moment.total:
        return f"{read:,}"
    done = min(1.0, read / moment.total)
    filled = round(WIDTH * done)
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {read:,}/{moment.total:,}"
