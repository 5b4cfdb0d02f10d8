"""The app's records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from .. import _html
from .._plain import Choice, build, fill
from ..errors import SynclineError, from_native
from ..values import typed_record
from .record import into_model

M = TypeVar("M")


@dataclass(frozen=True)
class EntityConflict:
    """Fields of an entity that wait for a person.

    Attributes:
        conflict: The conflict's number.
        fields: The fields; empty when it is about the record as a whole.
    """

    conflict: int
    fields: list[str]


@dataclass(frozen=True)
class EntityLink:
    """One connection's record of an entity.

    Attributes:
        sync: The sync's number.
        sync_name: Its name.
        side: Its side, as conflicts name it.
        connection: The connection's number.
        object: The remote object.
        record: The remote record's id, once there is one.
        presence: Where the remote record stands, such as ``live`` or ``deleted``.
        presence_detail: How that is known, or what became of it.
        changed_at: The provider's stamp of it, as last seen.
        push_due: Whether the next run looks at what it has to write there.
        read_due: Whether the next run reads it anew.
        held: Whether a person is asked before a record is created.
        failed: Whether its last processing failed.
        refused: Fields that the provider refused, with what it said.
    """

    sync: int
    sync_name: str
    side: int
    connection: int
    object: str
    record: str | None
    presence: str
    push_due: bool
    read_due: bool
    held: bool
    failed: bool
    changed_at: datetime | None = None
    presence_detail: str | None = None
    refused: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> EntityLink:
        presence: Any = given["presence"]
        if isinstance(presence, Mapping):
            ((state, detail),) = cast("Mapping[str, str]", presence).items()
            return fill(cls, {**given, "presence": state, "presence_detail": detail})
        return fill(cls, given)


@dataclass(frozen=True)
class Entity:
    """One of the app's records; ``entity["email"]`` is one of its values.

    Attributes:
        uid: Its id for the world: keep it in your own table.
        number: Its number within the database, ascending with creation.
        blueprint: Name of its blueprint.
        version: Version of the blueprint under which it was last written.
        rev: Its revision. An edit that names it notices what was decided meanwhile.
        deleted: Whether it is deleted.
        values: Its values by field, as Python's own types.
        created_at: When it was created.
        updated_at: When it was last changed.
        updated_by: Who last changed it: a person, or the side that a value came from.
        conflicts: Fields that wait for a person.
        links: Its records elsewhere.
    """

    uid: UUID
    number: int
    blueprint: str
    version: int
    rev: int
    deleted: bool
    values: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    updated_by: str
    conflicts: list[EntityConflict] = field(default_factory=list[EntityConflict])
    links: list[EntityLink] = field(default_factory=list[EntityLink])

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def keys(self) -> list[str]:
        """The names of its fields: ``dict(entity)`` is its values."""
        return list(self.values)

    def get(self, name: str, default: Any = None) -> Any:
        """One of its values, or ``default`` where the blueprint has no such field."""
        return self.values.get(name, default)

    def into(self, model: type[M]) -> M:
        """Its values as a dataclass or a pydantic model; fields that the model does not have are left out.

        Raises:
            InvalidError: when the values do not make one, with what the model said.
        """
        return into_model(model, self.values)

    def __hash__(self) -> int:
        return hash((self.uid, self.rev))

    @classmethod
    def of(cls, given: Mapping[str, Any], types: Mapping[str, str]) -> Entity:
        """An entity from the engine's answer, with the types of its fields."""
        return fill(cls, {**given, "values": typed_record(given["values"], types)})

    def _repr_html_(self) -> str:
        rows: list[tuple[object, object]] = [(name, value) for name, value in self.values.items()]
        links = ", ".join(f"{link.object} {link.record or '(not created yet)'}" for link in self.links)
        note = f"revision {self.rev}, changed by {self.updated_by}" + (f"; linked to {links}" if links else "")
        return _html.table(f"{self.blueprint} {self.uid}", ("field", "value"), rows, note)


@dataclass(frozen=True)
class Edited:
    """What an edit came to.

    Attributes:
        entity: The entity as it is now.
        changed: Fields that the edit changed.
        overruled: Fields where a CRM's edit made meanwhile won by policy; your value is in the audit.
        conflicts: Numbers of the conflicts that the edit opened or touched.
    """

    entity: Entity
    changed: list[str]
    overruled: list[str]
    conflicts: list[int]


class UpsertOutcome(Choice):
    """What was done to a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Upserted:
    """What became of one record.

    Attributes:
        outcome: What was done.
        uid: The entity; ``None`` where the record was refused.
        error: Why it was refused.
    """

    outcome: UpsertOutcome
    uid: UUID | None = None
    error: SynclineError | None = None

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> Upserted:
        if "error" in given:
            error = from_native(given["kind"], given["error"], given["message"], {}, None, False, None)
            return cls(UpsertOutcome.REFUSED, error=error)
        return cls(UpsertOutcome(given["outcome"]), build(UUID, given["uid"]))
