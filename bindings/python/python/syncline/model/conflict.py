"""What waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from .. import _html
from .._plain import Choice, fill
from ..values import plain, typed


class ConflictStatus(Choice):
    """Where a conflict stands."""

    PENDING = "pending"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class ConflictReason(Choice):
    """Why a person is asked."""

    CONFLICT = "conflict"
    """Both sides changed the same field."""
    DELETE_CONFLICT = "delete_conflict"
    """One side deleted what the other changed."""
    AMBIGUOUS_MATCH = "ambiguous_match"
    """Several records could be the same."""
    MERGE_COLLISION = "merge_collision"
    CONVERTED = "converted"
    AMBIGUOUS_CREATE = "ambiguous_create"
    OSCILLATION = "oscillation"
    UNRESOLVED_REFERENCE = "unresolved_reference"
    ROLLBACK_HOLD = "rollback_hold"


@dataclass(frozen=True)
class ConflictSide:
    """What one side holds.

    Attributes:
        side: The side's number.
        label: Its name for people.
        values: Its values by field.
        base: What it held when it last agreed; empty if it never did.
        record: The remote record.
        changed_at: When it was last changed there.
    """

    side: int
    label: str
    values: dict[str, Any]
    base: dict[str, Any]
    record: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Conflict:
    """Something for a person to decide. Only its fields are frozen; everything else goes on.

    Attributes:
        id: Its number.
        version: Goes up when a side changes: a resolution names the one that was looked at.
        sync: The sync's number.
        connection: The connection's number.
        object: The remote object.
        reason: Why a person is asked.
        uid: The entity.
        fields: The fields; empty for the record as a whole.
        app: What the app holds, by field.
        sides: What the sides hold.
        status: Where it stands.
        opened_at: When it was opened.
        refreshed_at: When it was last refreshed.
        candidates: Numbers of other entities that it may be the same as.
        explanation: In words, where there is more to say.
        resolved_by: Who decided.
        resolved_at: When.
        resolution: What was decided, in words.
    """

    id: int
    version: int
    sync: int
    connection: int
    object: str
    reason: ConflictReason
    uid: UUID
    fields: list[str]
    app: dict[str, Any]
    sides: list[ConflictSide]
    status: ConflictStatus
    opened_at: datetime
    refreshed_at: datetime
    candidates: list[int] = field(default_factory=list[int])
    explanation: str = ""
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> Conflict:
        fields: list[str] = given["fields"]
        types: Mapping[str, str] = given.get("types") or {}

        def named(values: list[Any]) -> dict[str, Any]:
            return {name: typed(types.get(name), value) for name, value in zip(fields, values)}

        sides = [{**side, "values": named(side["values"]), "base": named(side["base"])} for side in given["sides"]]
        return fill(cls, {**given, "app": named(given["app"]), "sides": sides})

    def _repr_html_(self) -> str:
        rows = [(name, self.app.get(name), *(side.values.get(name) for side in self.sides)) for name in self.fields]
        columns = ("field", "app", *(side.label for side in self.sides))
        return _html.table(f"Conflict {self.id}: {self.reason}", columns, rows, self.explanation)


@dataclass(frozen=True)
class Keep:
    """What a field is to hold: ``Keep.APP``, ``Keep.CRM``, a side's value, or a value of your own.

    >>> Keep.value("+43 1 234567").given
    {'value': '+43 1 234567'}
    """

    given: Any

    APP: ClassVar[Keep]
    """What the app holds."""
    CRM: ClassVar[Keep]
    """What the CRM of the conflict's sync holds."""

    @classmethod
    def side(cls, side: ConflictSide | int) -> Keep:
        """What this side holds."""
        return cls({"side": side.side if isinstance(side, ConflictSide) else side})

    @classmethod
    def value(cls, value: Any) -> Keep:
        """This value."""
        return cls({"value": plain(value)})


Keep.APP = Keep("app")
Keep.CRM = Keep("crm")


@dataclass(frozen=True)
class AlwaysResolved:
    """What "always" came to.

    Attributes:
        conflict: The conflict, as it ended.
        resolved: Other conflicts on the same fields of the sync that were resolved alike.
        left: Other conflicts that could not be, each with the reason.
    """

    conflict: Conflict
    resolved: list[int]
    left: list[list[Any]]
