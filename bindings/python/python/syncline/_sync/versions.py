# Written by tools/twins.py from _async/versions.py. Change that one.
"""Versions of blueprints, the way of records between them, and the trash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import List, Any
from uuid import UUID

from .._caller import Caller
from .._plain import build, build_all, plain
from ..model.blueprint import Blueprint, Field
from ..model.mapping import Finding
from ..model.version import BlueprintVersion, MigrationJob, MigrationPreview, MigrationProposal, Rule


class Versions:
    """The versions of one blueprint."""

    def __init__(self, caller: Caller, tenant: int, blueprint: str) -> None:
        self._caller = caller
        self._tenant = tenant
        self.blueprint = blueprint

    def _call(self, name: str, /, **arguments: Any) -> Any:
        return self._caller.call(f"versions.{name}", tenant=self._tenant, name=self.blueprint, **arguments)

    def list(self) -> List[BlueprintVersion]:
        """All versions, oldest first."""
        return build_all(BlueprintVersion, self._call("list"))

    def propose(self, fields: Sequence[Field], *, groups: Sequence[Sequence[str]] = ()) -> MigrationProposal:
        """The rules that give the blueprint these fields."""
        given = {"fields": plain(list(fields)), "groups": [list(group) for group in groups]}
        return build(MigrationProposal, self._call("propose", **given))

    def check(self, rules: Sequence[Rule]) -> List[Finding]:
        """What is wrong with rules, or with a sync under them."""
        return build_all(Finding, self._call("check", migration=_migration(rules)))

    def dry_run(self, rules: Sequence[Rule] | None = None, *, version: int | None = None) -> MigrationPreview:
        """What would become of the records: by rules that are not saved yet, or on the way to a version."""
        target = {"migration": None if rules is None else _migration(rules), "version": version}
        return build(MigrationPreview, self._call("dry_run", target=target))

    def save(self, rules: Sequence[Rule]) -> Blueprint:
        """Makes a new version. Records follow when they are migrated, or touched.

        Raises:
            InvalidError: with everything that is wrong.
        """
        return build(Blueprint, self._call("save", migration=_migration(rules)))

    def migrate(self, *, wait: bool = True) -> MigrationJob:
        """Brings all records to the current version, and goes on with what was stopped.

        Args:
            wait: Whether to return when it is over, and not as soon as it has begun.
        """
        return build(MigrationJob, self._call("migrate", wait=wait))

    def jobs(self) -> List[MigrationJob]:
        """The migrations that there were, newest first."""
        return build_all(MigrationJob, self._call("jobs"))

    def failures(self) -> dict[UUID, List[str]]:
        """Records that could not be brought over, with why."""
        failed = self._call("failures")
        return {UUID(one["uid"]): [str(failure.get("reason", failure)) for failure in one["failures"]] for one in failed}

    def go_back(self, version: int) -> Blueprint:
        """Makes an earlier version current again. What was given up of the records comes back when they are migrated."""
        return build(Blueprint, self._call("go_back", version=version))

    def trash(self) -> None:
        """Deletes the blueprint so that it can be restored. Its syncs are paused; no CRM is told."""
        self._call("trash")

    def restore(self) -> Blueprint:
        """Brings the blueprint back, with its records."""
        return build(Blueprint, self._call("restore"))

    def purge(self) -> int:
        """Removes the trashed blueprint and its records for good; returns how many."""
        return int((self._call("purge"))["entities"])


def _migration(rules: Sequence[Rule]) -> Any:
    return {"rules": [plain(rule) for rule in rules]}
