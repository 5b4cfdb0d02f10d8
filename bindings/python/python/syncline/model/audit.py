"""What is written down for ever, and what the host is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from .._plain import fill


@dataclass(frozen=True, order=True)
class AuditPosition:
    """Where an entry stands: later ones compare greater."""

    block: int = 0
    entry: int = 0


@dataclass(frozen=True)
class AuditChange:
    """One field in an entry, with its values in plain form."""

    field: str
    remote: str | None = None
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class AuditRecord:
    """An entry of the audit.

    Attributes:
        position: Where it stands.
        at: When it was written.
        kind: What it tells.
        rev: The entity's revision afterwards.
        changes: The values concerned.
        note: Who asked for it, and anything else worth reading.
        run: The run; ``None`` for what a person or the app did.
        entity: The entity; ``None`` for settings.
        sync: The sync by its name; ``None`` for the app.
        object: The remote object.
        record: The remote record.
    """

    position: AuditPosition
    at: datetime
    kind: str
    rev: int
    changes: list[AuditChange]
    note: str
    run: int | None = None
    entity: UUID | None = None
    sync: str | None = None
    object: str | None = None
    record: str | None = None


@dataclass(frozen=True)
class AuditBreak:
    """Where the audit is not what was written."""

    block: int
    at: datetime
    problem: str


@dataclass(frozen=True)
class AuditVerdict:
    """What verifying the audit found.

    Attributes:
        blocks: Blocks that are intact.
        entries: Entries in them.
        purged: Blocks whose entries were removed when their time was over.
        root: Root of the last intact block: kept elsewhere, it proves later that nothing before it was changed.
        broken: Where the chain breaks first; ``None`` if it is intact.
    """

    blocks: int
    entries: int
    purged: int
    root: str
    broken: AuditBreak | None = None


@dataclass(frozen=True)
class Event:
    """Something that the host is told, at least once.

    Attributes:
        id: Its number, ascending: remember that of the last one you dealt with.
        tenant: The tenant's number.
        at: When it happened.
        event: What happened, such as ``run_finished`` or ``conflict_opened``.
        details: The rest, by name.
    """

    id: int
    tenant: int
    at: datetime
    event: str
    details: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> Event:
        own = ("id", "tenant", "at", "event")
        details = {name: value for name, value in given.items() if name not in own}
        return fill(cls, {**{name: given[name] for name in own}, "details": details})


@dataclass(frozen=True)
class Restored:
    """A database that was restored from a backup, and that nobody has confirmed yet."""

    noticed_at: datetime
    reason: str


@dataclass(frozen=True)
class Compacted:
    """How much a compaction removed, of each kind."""

    runs: int = 0
    failures: int = 0
    audit: int = 0
    operations: int = 0
    tombstones: int = 0
    events: int = 0
    hints: int = 0
