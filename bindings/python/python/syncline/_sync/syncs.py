# Written by tools/twins.py from _async/syncs.py. Change that one.
"""What is kept in agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import List, Any

from .._caller import Caller
from .._plain import build, build_all, plain
from ..errors import NotFoundError
from ..model.blueprint import Field
from ..model.connection import Connection
from ..model.mapping import Finding, Mapping, Preview, Proposal
from ..model.sync import SavedSync, Schedule, SideCounts, Sync, sweep_plain


class Syncs:
    """The syncs of a tenant. Where a sync is asked for, its name or number will do."""

    def __init__(self, caller: Caller, tenant: int) -> None:
        self._caller = caller
        self._tenant = tenant

    def save(
        self,
        name: str,
        connection: Connection | int,
        mapping: Mapping | Proposal,
        *,
        fields: Sequence[Field] = (),
        groups: Sequence[Sequence[str]] = (),
        schedule: Schedule | None = None,
        sweep: bool = True,
        sweep_hours: int | None = None,
        files: bool = False,
        start: bool = False,
    ) -> SavedSync:
        """Makes a sync, or changes the one of this name. The blueprint that the mapping names is made or extended.

        Args:
            name: Its name, unique within the tenant.
            connection: The connection.
            mapping: The field rules, or a proposal as it is.
            fields: Fields to add to the blueprint, besides those of a proposal.
            groups: Names of fields that are only ever changed together.
            schedule: When it runs by itself; hourly if it is left out.
            sweep: Whether it compares all ids and stamps now and then.
            sweep_hours: How often, where the usual is not right.
            files: Whether files are carried to and from the other syncs of the blueprint that say so, too.
            start: Starts reading as soon as it is saved.

        Raises:
            InvalidError: when the mapping has errors, all of which are in the message.
        """
        new = _new(name, connection, mapping, fields, groups)
        new["schedule"] = plain(schedule or Schedule.hourly())
        new["sweep"] = sweep_plain(sweep_hours, not sweep)
        new["files"] = files
        new["start"] = start
        return build(SavedSync, self._caller.call("syncs.save", tenant=self._tenant, sync=new))

    def check(
        self,
        name: str,
        connection: Connection | int,
        mapping: Mapping | Proposal,
        *,
        fields: Sequence[Field] = (),
    ) -> List[Finding]:
        """Everything that is wrong with a mapping, or worth knowing. Nothing is saved."""
        new = _new(name, connection, mapping, fields, ())
        return build_all(Finding, self._caller.call("syncs.check", tenant=self._tenant, sync=new))

    def preview(
        self,
        connection: Connection | int,
        mapping: Mapping | Proposal,
        *,
        fields: Sequence[Field] = (),
        records: int = 5,
    ) -> Preview:
        """What a mapping would make of live records. Nothing is saved or written.

        Args:
            connection: The connection.
            mapping: The field rules, or a proposal.
            fields: Fields that the blueprint would have besides.
            records: How many to look at.
        """
        new = _new("preview", connection, mapping, fields, ())
        return build(Preview, self._caller.call("syncs.preview", tenant=self._tenant, sync=new, records=records))

    def list(self, *, deleted: bool = False) -> List[Sync]:
        """The syncs.

        Args:
            deleted: Removed ones, too.
        """
        return build_all(Sync, self._caller.call("syncs.list", tenant=self._tenant, deleted=deleted))

    def get(self, sync: Sync | str | int) -> Sync:
        """A sync as it is now.

        Raises:
            NotFoundError: when there is none; the message names the others.
        """
        return build(Sync, self._of("get", sync))

    def counts(self, sync: Sync | str | int) -> SideCounts:
        """How many records it holds, and how many wait."""
        return build(SideCounts, self._of("counts", sync))

    def pause(self, sync: Sync | str | int, reason: str = "paused by hand") -> Sync:
        """Lets it not run until it is resumed."""
        return build(Sync, self._of("pause", sync, reason=reason))

    def resume(self, sync: Sync | str | int) -> Sync:
        """Lets it run again, also one that was removed."""
        return build(Sync, self._of("resume", sync))

    def delete(self, sync: Sync | str | int) -> Sync:
        """Removes it; its links stay, and it can be resumed."""
        return build(Sync, self._of("delete", sync))

    def _of(self, name: str, sync: Sync | str | int, /, **arguments: Any) -> Any:
        number = self._number(sync)
        return self._caller.call(f"syncs.{name}", tenant=self._tenant, id=number, **arguments)

    def _number(self, sync: Sync | str | int) -> int:
        if isinstance(sync, Sync):
            return sync.id
        if isinstance(sync, int):
            return sync
        known = self.list(deleted=True)
        for one in known:
            if one.name == sync:
                return one.id
        names = ", ".join(one.name for one in known) or "none yet"
        raise NotFoundError(f"there is no sync `{sync}`; there are: {names}")


def _new(
    name: str,
    connection: Connection | int,
    mapping: Mapping | Proposal,
    fields: Sequence[Field],
    groups: Sequence[Sequence[str]],
) -> dict[str, Any]:
    all_fields = list(fields)
    if isinstance(mapping, Proposal):
        own = {field.name for field in all_fields}
        all_fields = [field for field in mapping.new_fields if field.name not in own] + all_fields
        mapping = mapping.mapping
    return {
        "name": name,
        "connection": connection if isinstance(connection, int) else connection.id,
        "mapping": plain(mapping),
        "fields": plain(all_fields),
        "groups": [list(group) for group in groups],
        "start": False,
    }
