"""One of your customers: the way to everything that is theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from .._caller import AsyncCaller
from .._plain import build, build_all, plain
from ..model.audit import Compacted, Event
from ..model.blueprint import Blueprint, Field
from ..model.tenant import TenantInfo
from .audit import AsyncAudit
from .conflicts import AsyncConflicts
from .connections import AsyncConnections
from .entities import AsyncEntities
from .flows import AsyncFlows
from .runs import AsyncRuns
from .syncs import AsyncSyncs
from .versions import AsyncVersions

EVENTS = 1_000


class AsyncTenant:
    """One of your customers.

    Attributes:
        info: What is known of it.
        connections: Their accounts at CRMs.
        syncs: What is kept in agreement.
        runs: When that was done.
        conflicts: What waits for a person.
        audit: What was written down.
        flows: State machines over blueprints.
    """

    def __init__(self, caller: AsyncCaller, info: TenantInfo) -> None:
        self._caller = caller
        self.info = info
        self.connections = AsyncConnections(caller, info.id)
        self.syncs = AsyncSyncs(caller, info.id)
        self.runs = AsyncRuns(caller, info.id)
        self.conflicts = AsyncConflicts(caller, info.id)
        self.audit = AsyncAudit(caller, info.id)
        self.flows = AsyncFlows(caller, info.id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.info.slug}>"

    @property
    def id(self) -> int:
        """Its number."""
        return self.info.id

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.info.name

    async def update(
        self, *, name: str | None = None, time_zone: str | None = None, language: str | None = None
    ) -> None:
        """Changes its name, time zone or language.

        Raises:
            InvalidError: for an unknown time zone.
            ForbiddenError: by policy.
        """
        changed = replace(
            self.info,
            name=name or self.info.name,
            time_zone=time_zone or self.info.time_zone,
            language=language or self.info.language,
        )
        self.info = build(TenantInfo, await self._caller.call("tenants.update", tenant=changed))

    def entities(self, blueprint: str) -> AsyncEntities:
        """The records of a blueprint."""
        return AsyncEntities(self._caller, self.info.id, blueprint)

    async def blueprints(self) -> list[Blueprint]:
        """The blueprints, by name."""
        return build_all(Blueprint, await self._caller.call("blueprints.list", tenant=self.id))

    async def blueprint(self, name: str) -> Blueprint:
        """A blueprint by name.

        Raises:
            NotFoundError: when there is none; the message names the others.
        """
        return build(Blueprint, await self._caller.call("blueprints.get", tenant=self.id, name=name))

    def versions(self, blueprint: str) -> AsyncVersions:
        """The versions of a blueprint, its migrations, and its way to the trash and back."""
        return AsyncVersions(self._caller, self.info.id, blueprint)

    async def trashed_blueprints(self) -> list[str]:
        """The names of the blueprints in the trash."""
        trashed = await self._caller.call("versions.trashed", tenant=self.id)
        return [one["blueprint"]["name"] for one in trashed]

    async def save_blueprint(
        self, name: str, fields: Sequence[Field], *, groups: Sequence[Sequence[str]] = ()
    ) -> Blueprint:
        """Makes a blueprint, or adds fields to the one of this name. Fields are never removed by this.

        Args:
            name: Its name.
            fields: Its fields.
            groups: Names of fields that are only ever changed together.

        Raises:
            InvalidError: with everything that is wrong.
        """
        given = {"fields": plain(list(fields)), "groups": [list(group) for group in groups]}
        return build(Blueprint, await self._caller.call("blueprints.save", tenant=self.id, name=name, **given))

    async def events(self, *, after: int = 0, follow: bool = False) -> AsyncIterator[Event]:
        """What you are told, oldest first, each at least once.

        Args:
            after: The number of the last event that you dealt with.
            follow: Waits for new ones, for ever, instead of ending.
        """
        while True:
            if follow:
                page = await self._caller.call("events.next", tenant=self.id, after=after, seconds=None)
            else:
                page = await self._caller.call("events.list", tenant=self.id, after=after, limit=EVENTS)
            if not page:
                return
            for event in build_all(Event, page):
                after = event.id
                yield event

    async def compact(self) -> Compacted:
        """Removes what is older than the retention says; the schedule does so daily."""
        return build(Compacted, await self._caller.call("tenants.compact", tenant=self.id))
