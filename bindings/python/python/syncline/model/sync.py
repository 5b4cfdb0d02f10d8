"""Mappings on connections, with their schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from .._plain import Choice
from .mapping import Finding, Mapping


class SyncStatus(Choice):
    """Whether a sync runs."""

    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"


@dataclass(frozen=True)
class Schedule:
    """When a sync runs by itself.

    >>> Schedule.daily(time(6, 30))
    Schedule(every='day', minutes=None, at='06:30', expression=None)
    """

    every: str = "hour"
    minutes: int | None = None
    at: str | None = None
    expression: str | None = None

    @classmethod
    def manual(cls) -> Schedule:
        """Only when asked."""
        return cls("manual")

    @classmethod
    def hourly(cls) -> Schedule:
        """Every hour."""
        return cls("hour")

    @classmethod
    def each(cls, minutes: int) -> Schedule:
        """Every so many minutes."""
        return cls("minutes", minutes=minutes)

    @classmethod
    def daily(cls, at: time | str) -> Schedule:
        """Once a day, in the tenant's time zone."""
        return cls("day", at=at if isinstance(at, str) else at.strftime("%H:%M"))

    @classmethod
    def cron(cls, expression: str) -> Schedule:
        """By a cron expression of five or six fields, in the tenant's time zone."""
        return cls("cron", expression=expression)


@dataclass(frozen=True)
class Sync:
    """A mapping on a connection.

    Attributes:
        id: Its number.
        tenant: The tenant's number.
        connection: The connection's number.
        name: Its name, unique within the tenant.
        mapping: The field rules.
        schedule: When it runs by itself.
        status: Whether it runs.
        created_by: Who made it.
        created_at: When.
        paused_because: Why it is paused.
        backfill: Whether the next run reads everything.
        hold_deletes: Whether a person is asked before anything is deleted because of it.
        estimate: How many records the CRM had, about, when it was last asked.
        last_run_at: When it last finished a run.
        next_run_at: When it runs next by itself.
    """

    id: int
    tenant: int
    connection: int
    name: str
    mapping: Mapping
    schedule: Schedule
    status: SyncStatus
    created_by: str
    created_at: datetime
    paused_because: str | None = None
    backfill: bool = False
    hold_deletes: bool = False
    estimate: int | None = None
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None

    def _repr_html_(self) -> str:
        return self.mapping._repr_html_()


@dataclass(frozen=True)
class StartedRun:
    """A run that was asked for.

    Attributes:
        id: Its number.
        connection: Its connection.
        queued: Whether it waits for one that is under way.
        estimate: About how many records it is over.
    """

    id: int
    connection: int
    queued: bool
    estimate: int


@dataclass(frozen=True)
class SavedSync:
    """A saved sync, and what follows.

    Attributes:
        sync: The sync.
        findings: What is worth knowing about its mapping.
        change: What saving it changed: ``created``, ``unchanged``, ``settings``, ``narrowed`` or ``widened``.
        estimate: How many records the CRM has, about, where they are to be read and it can tell.
        run: The run that was started, where that was asked for.
    """

    sync: Sync
    findings: list[Finding]
    change: str
    estimate: int | None = None
    run: StartedRun | None = None


@dataclass(frozen=True)
class SideCounts:
    """Counts of a sync's records: linked ones, those to be written, those to be read."""

    linked: int
    push: int
    read: int


def sweep_plain(hours: int | None, never: bool) -> Any:
    """How often a sync is swept, in the engine's words."""
    return "never" if never else "usual" if hours is None else {"hours": hours}


