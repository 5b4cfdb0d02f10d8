"""What waits for a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import List, Any, Union
from uuid import UUID

from .._caller import AsyncCaller
from .._plain import build, plain
from ..errors import InvalidError
from ..model.conflict import AlwaysResolved, Conflict, ConflictStatus, Keep
from ..model.entity import Entity
from ..model.sync import Sync

Choices = Union[Keep, Mapping[str, Keep]]
PAGE = 100


class AsyncConflicts:
    """The conflicts of a tenant.

    A decision names the version of the conflict that was looked at: pass the :class:`Conflict` that you showed. If a side
    changed since, it is refused as :class:`StaleError`: show it again.
    """

    def __init__(self, caller: AsyncCaller, tenant: int) -> None:
        self._caller = caller
        self._tenant = tenant

    async def list(
        self,
        *,
        status: Sequence[ConflictStatus | str] = (ConflictStatus.PENDING,),
        sync: Sync | int | None = None,
        object: str | None = None,
        entity: Entity | UUID | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Conflict]:
        """Conflicts, newest first.

        Args:
            status: With one of these; those that wait if it is left out, any if it is empty.
            sync: Of this sync only.
            object: Of this remote object only.
            entity: About this entity only.
            limit: At most so many.
        """
        before: int | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            query = {
                "status": list(status),
                "sync": sync.id if isinstance(sync, Sync) else sync,
                "object": object,
                "entity": entity.uid if isinstance(entity, Entity) else entity,
                "before": before,
                "limit": size,
            }
            page = await self._caller.call("conflicts.list", tenant=self._tenant, query=query)
            for given in page:
                before = given["id"]
                yield build(Conflict, given)
            if len(page) < size:
                return
            left = None if left is None else left - len(page)

    async def count(self) -> int:
        """How many wait for a person."""
        return int(await self._caller.call("conflicts.count", tenant=self._tenant))

    async def get(self, conflict: Conflict | int) -> Conflict:
        """A conflict as it stands now.

        Raises:
            NotFoundError: when there is none.
        """
        return build(Conflict, await self._of("get", conflict))

    async def records(self, conflict: Conflict | int) -> List[Entity]:
        """The records that a conflict is about: its own, and those that it may be the same as."""
        found = await self._of("records", conflict)
        return [Entity.of(one["entity"], one["types"]) for one in found]

    async def resolve(self, conflict: Conflict, keep: Choices) -> Conflict:
        """Decides a conflict on fields. What was not chosen is audited; the next run writes what was.

        Args:
            conflict: The conflict as you looked at it.
            keep: One choice for all of its fields, or one by field.

        Raises:
            StaleError: when a side changed since, or it is settled.
            InvalidError: when the decision does not fit, or a value its field.
        """
        if isinstance(keep, Keep):
            return await self._resolved(conflict, every=keep.given)
        return await self._resolved(conflict, resolution={"fields": {name: one.given for name, one in keep.items()}})

    async def always(self, conflict: Conflict, keep: Keep) -> AlwaysResolved:
        """Decides a conflict for the app or the CRM, and every other one on these fields of the sync, now and later.

        Raises:
            InvalidError: when ``keep`` is neither ``Keep.APP`` nor ``Keep.CRM``, or it is not about fields.
            ForbiddenError: for who may resolve conflicts but not manage mappings.
        """
        if keep not in (Keep.APP, Keep.CRM):
            raise InvalidError("always decides for Keep.APP or Keep.CRM")
        return build(AlwaysResolved, await self._of("always", conflict, version=conflict.version, always=keep.given))

    async def link(self, conflict: Conflict, to: Entity | UUID) -> Conflict:
        """Records that may be the same: they are."""
        uid = to.uid if isinstance(to, Entity) else to
        return await self._resolved(conflict, resolution={"link": str(uid)})

    async def separate(self, conflict: Conflict) -> Conflict:
        """Records that may be the same: they are not."""
        return await self._resolved(conflict, resolution="separate")

    async def keep_both(self, conflict: Conflict) -> Conflict:
        """Records merged or converted in the CRM: the app keeps its own."""
        return await self._resolved(conflict, resolution="keep_both")

    async def keep_record(self, conflict: Conflict) -> Conflict:
        """A delete that met an edit: the record stays."""
        return await self._resolved(conflict, resolution="keep_record")

    async def delete_record(self, conflict: Conflict) -> Conflict:
        """A delete that met an edit, or records merged or converted: the app's record is deleted."""
        return await self._resolved(conflict, resolution="delete_record")

    async def ignore(self, conflict: Conflict) -> Conflict:
        """Leaves it as it is, until one of the sides changes."""
        return build(Conflict, await self._of("ignore", conflict, version=conflict.version))

    async def _resolved(self, conflict: Conflict, **how: Any) -> Conflict:
        return build(Conflict, await self._of("resolve", conflict, version=conflict.version, **plain(how)))

    async def _of(self, name: str, conflict: Conflict | int, /, **arguments: Any) -> Any:
        number = conflict if isinstance(conflict, int) else conflict.id
        return await self._caller.call(f"conflicts.{name}", tenant=self._tenant, id=number, **arguments)
