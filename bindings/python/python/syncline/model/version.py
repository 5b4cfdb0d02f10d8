"""Versions of blueprints, and the way of records between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from .. import _html
from .._plain import plain
from .blueprint import Blueprint, Field, FieldType
from .mapping import Finding

Rule = Mapping[str, Any]


def add(new: Field) -> Rule:
    """A new field. Records that are there take its default."""
    return {"rule": "add", "field": plain(new)}


def rename(name: str, to: str) -> Rule:
    """Another name for a field. No record changes.

    >>> rename("mail", "email")
    {'rule': 'rename', 'field': 'mail', 'to': 'email'}
    """
    return {"rule": "rename", "field": name, "to": to}


def retype(name: str, to: FieldType | str, *, or_empty: bool = False) -> Rule:
    """Another type; values are converted. One that can't be is a failure, or emptied and kept aside."""
    return {"rule": "retype", "field": name, "to": {"type": str(FieldType(to))}, "or_empty": or_empty}


def drop(name: str) -> Rule:
    """Gives a field up. Its values are kept aside, and come back with :meth:`Versions.go_back`."""
    return {"rule": "drop", "field": name}


def compute(into: Field, expression: str) -> Rule:
    """A new field, once computed from the others in CEL, and free to be edited from then on."""
    return {"rule": "compute", "into": plain(into), "expression": expression}


def split(name: str, into: list[Field], *, by: str = " ", from_end: bool = False) -> Rule:
    """One text becomes several."""
    return {"rule": "split", "field": name, "into": plain(into), "by": by, "from_end": from_end}


def join(names: list[str], into: Field, *, by: str = " ") -> Rule:
    """Several fields become one text."""
    return {"rule": "join", "fields": list(names), "into": plain(into), "by": by}


@dataclass(frozen=True)
class BlueprintVersion:
    """One version of a blueprint, and how it was made.

    Attributes:
        blueprint: The blueprint as of this version.
        parent: The version that it was made from; 0 for the first one.
        saved_at: When it was saved.
        saved_by: Who saved it.
    """

    blueprint: Blueprint
    parent: int
    saved_at: datetime
    saved_by: str


@dataclass(frozen=True)
class MigrationProposal:
    """Rules that would lead from one version to another.

    Attributes:
        rules: The rules.
        findings: What was guessed, and what to look at before they are taken.
    """

    rules: list[dict[str, Any]]
    findings: list[Finding]


@dataclass(frozen=True)
class MigrationExample:
    """A record before and after.

    Attributes:
        uid: The entity.
        before: Its values.
        after: What they would be.
    """

    uid: UUID
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class MigrationPreview:
    """What bringing all records to a version would do.

    Attributes:
        to: The version.
        total: Records that there are.
        changed: Records that would change.
        unchanged: Records that would not.
        failed: Records that can't be brought there.
        writes: Remote records that would be written because of it.
        examples: Some of them.
    """

    to: int
    total: int
    changed: int
    unchanged: int
    failed: int
    writes: int
    examples: list[MigrationExample] = field(default_factory=list[MigrationExample])

    def _repr_html_(self) -> str:
        rows = [(one.uid, one.before, one.after) for one in self.examples]
        note = f"{self.changed} of {self.total} would change, {self.failed} could not"
        return _html.table(f"To version {self.to}", ("record", "before", "after"), rows, note)


@dataclass(frozen=True)
class MigrationJob:
    """Bringing all records of a blueprint to a version.

    Attributes:
        id: Its number.
        name: The blueprint.
        to: The version.
        status: ``running``, ``stopped``, ``completed`` or ``superseded``.
        total: Records that there were.
        read: Records looked at so far.
        migrated: Records brought over.
        unchanged: Records that had nothing to change.
        failed: Records that could not be.
    """

    id: int
    name: str
    to: int
    status: str
    total: int
    read: int
    migrated: int
    unchanged: int
    failed: int
