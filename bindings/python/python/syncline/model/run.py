"""Executions of syncs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .. import _html
from .._plain import Choice


class RunStatus(Choice):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    """It was done, but for some records."""
    FAILED = "failed"
    STOPPED = "stopped"
    """On request, or by the mass-change brake: ``error`` says which."""


class RollbackRelease(Choice):
    """What happens to a change at the side that it came from, once a rollback has taken it back in the app."""

    HOLD = "hold"
    ACCEPT_SOURCE_NEXT = "accept_source_next"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Ledger:
    """What became of everything that was read."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    filtered: int = 0
    conflicted: int = 0
    deferred: int = 0
    failed: int = 0

    def __str__(self) -> str:
        named = ((name, getattr(self, name)) for name in self.__dataclass_fields__ if name != "read")
        return ", ".join([f"{self.read} read", *(f"{count} {name}" for name, count in named if count)])


@dataclass(frozen=True)
class Moment:
    """A moment of a run."""

    at: datetime
    what: str


@dataclass(frozen=True)
class PlannedChange:
    """One field that a dry run would change.

    Attributes:
        target: Where: ``app``, or the sync's name.
        record: The record: remote id, or the entity's id.
        action: ``create``, ``update``, ``delete``, ``link`` or ``review``.
        field: The field.
        before: The value before, in plain form.
        after: The value afterwards, in plain form.
    """

    target: str
    record: str
    action: str
    field: str
    before: Any = None
    after: Any = None


class Plan(list[PlannedChange]):
    """What a dry run would change, a field at a time; a table in notebooks."""

    @classmethod
    def _from_plain(cls, given: list[Mapping[str, Any]]) -> Plan:
        return cls(PlannedChange(**change) for change in given)

    def _repr_html_(self) -> str:
        rows = [(one.target, one.record, one.action, one.field, one.before, one.after) for one in self]
        return _html.table("Plan", ("where", "record", "what", "field", "before", "after"), rows)


@dataclass(frozen=True)
class Divergence:
    """Something that a rollback left as it is, and why."""

    record: str
    field: str
    reason: str


@dataclass(frozen=True)
class Run:
    """One execution.

    Attributes:
        id: Its number.
        tenant: The tenant's number.
        connection: The connection's number.
        status: Where it stands.
        initiator: Who started it.
        requested_at: When it was asked for.
        started_at: When it began.
        finished_at: When it was over.
        pull: What became of the records read from CRMs.
        push: What became of those written to them.
        ledgers: The same by sync and direction.
        error: Why it failed or stopped.
        timeline: What happened when.
        parameters: What it was asked to do, in plain form.
        plan: What a dry run would change, at most 10,000 fields.
        planned: How many fields a dry run would change in all.
        brake: What the mass-change brake would say to the run that a dry one plans.
        rolls_back: The run that this one rolls back.
        diverged: What a rollback could not undo.
        diverged_count: How much that is in all.
    """

    id: int
    tenant: int
    connection: int
    status: RunStatus
    initiator: str
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    pull: Ledger = Ledger()
    push: Ledger = Ledger()
    ledgers: dict[str, dict[str, Ledger]] = field(default_factory=dict[str, dict[str, Ledger]])
    error: str | None = None
    timeline: list[Moment] = field(default_factory=list[Moment])
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    plan: Plan = field(default_factory=Plan)
    planned: int = 0
    brake: str | None = None
    rolls_back: int | None = None
    diverged: list[Divergence] = field(default_factory=list[Divergence])
    diverged_count: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it is over, however it ended."""
        return self.status not in (RunStatus.QUEUED, RunStatus.RUNNING)

    def _repr_html_(self) -> str:
        rows = [
            (sync, direction, *(getattr(ledger, name) for name in ledger.__dataclass_fields__))
            for sync, directions in self.ledgers.items()
            for direction, ledger in directions.items()
        ]
        columns = ("sync", "direction", *Ledger.__dataclass_fields__)
        return _html.table(f"Run {self.id}: {self.status}", columns, rows, self.error or "")


@dataclass(frozen=True)
class Progress:
    """A moment of a run under way.

    Attributes:
        run: The run.
        sync: The sync.
        object: The remote object.
        stage: ``pull``, ``match``, ``push`` or ``resolve``.
        ledger: The ledger so far, in this direction.
        total: Records that there are in all, where it is known.
        rate: Records per second since the run began.
        seconds_left: Seconds that the stage will still take, where it can be said.
    """

    run: int
    sync: str
    object: str
    stage: str
    ledger: Ledger
    total: int | None = None
    rate: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Failure:
    """A record that could not be processed. It stays until it succeeds or is dismissed.

    Attributes:
        id: Its number.
        sync: The sync.
        run: The run in which it last failed.
        direction: ``pull`` or ``push``.
        message: What is wrong and what to do.
        attempts: How often it failed.
        retry_at: When it is tried again.
        since: When it first failed.
        dismissed: Whether a person dismissed it.
        record: The remote record, where there is one.
        fields: The fields concerned.
        detail: What the provider said, for those who may read it.
    """

    id: int
    sync: int
    run: int
    direction: str
    message: str
    attempts: int
    retry_at: datetime
    since: datetime
    dismissed: bool
    record: str | None = None
    fields: list[str] = field(default_factory=list[str])
    detail: str | None = None
