"""What was written down."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from .._caller import AsyncCaller
from .._plain import build, build_all
from ..model.audit import AuditPosition, AuditRecord, AuditVerdict
from ..model.run import Run

PAGE = 500


class AsyncAudit:
    """The audit of a tenant."""

    def __init__(self, caller: AsyncCaller, tenant: int) -> None:
        self._caller = caller
        self._tenant = tenant

    async def list(
        self, *, run: Run | int | None = None, after: AuditPosition | None = None, limit: int | None = None
    ) -> AsyncIterator[AuditRecord]:
        """Entries, oldest first.

        Args:
            run: Of this run only.
            after: Where to go on.
            limit: At most so many.

        Raises:
            CorruptError: at a block that was tampered with: :meth:`verify` says where.
        """
        place = after or AuditPosition()
        number = run.id if isinstance(run, Run) else run
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = await self._caller.call("audit.list", tenant=self._tenant, run=number, after=place, limit=size)
            for record in build_all(AuditRecord, page):
                place = record.position
                yield record
            if len(page) < size:
                return
            left = None if left is None else left - len(page)

    async def verify(self) -> AuditVerdict:
        """Walks the whole chain and says whether it is what was written. What is found is an answer, not an error."""
        return build(AuditVerdict, await self._caller.call("audit.verify", tenant=self._tenant))

    async def export(self, file: str | os.PathLike[str]) -> AuditVerdict:
        """Writes the whole audit to a file as JSON lines, oldest first, and returns what was verified on the way.

        Raises:
            InvalidError: when the file can't be made.
        """
        return build(AuditVerdict, await self._caller.call("audit.export", tenant=self._tenant, file=os.fspath(file)))
