"""The one place where the two halves of the package meet: a call by name, plain or to await."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from . import _native
from ._plain import plain
from .connector import Connector
from .errors import RefusedError
from .model.tenant import Actor
from .plugged import ChangeHook, KeyProvider, LensFactory, given_lenses


class _Base:
    """An engine, until it is closed, and who asks."""

    def __init__(self, engine: _native.Engine, actor: Actor) -> None:
        self._engine: _native.Engine | None = engine
        self._actor = plain(actor)
        self.actor = actor

    @property
    def engine(self) -> _native.Engine:
        """The engine.

        Raises:
            RefusedError: when it is closed.
        """
        if self._engine is None:
            raise RefusedError("this Syncline is closed; open it again")
        return self._engine

    @property
    def is_closed(self) -> bool:
        """Whether it is closed."""
        return self._engine is None

    def close(self) -> None:
        """Lets go of the engine."""
        self._engine = None

    def progress(self) -> _native.ProgressStream:
        """Live progress of all runs."""
        return self.engine.progress(self._actor)

    def schedule(self) -> _native.Schedule:
        """Starts the schedule."""
        return self.engine.schedule(self._actor)


class Caller(_Base):
    """Calls that return when they are done."""

    @classmethod
    def open(
        cls,
        options: dict[str, Any],
        actor: Actor,
        lenses: Mapping[str, LensFactory],
        keys: KeyProvider | None,
        connectors: Sequence[Connector],
        hooks: Sequence[ChangeHook],
    ) -> Caller:
        """Opens an engine."""
        return cls(_native.Engine.open(options, given_lenses(lenses), keys, list(connectors), list(hooks)), actor)

    def acting_as(self, actor: Actor) -> Caller:
        """The same engine, asked by somebody else."""
        return type(self)(self.engine, actor)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Does something by its name."""
        return self.engine.call(name, self._actor, plain(arguments))

    def table(self, **arguments: Any) -> _native.Table:
        """Entities as a table."""
        return self.engine.table(self._actor, plain(arguments))

    def watch(self, **arguments: Any) -> Watch:
        """Starts runs, to be watched."""
        return Watch(self.engine.watch(self._actor, plain(arguments)))


class AsyncCaller(_Base):
    """Calls to await."""

    @classmethod
    async def open(
        cls,
        options: dict[str, Any],
        actor: Actor,
        lenses: Mapping[str, LensFactory],
        keys: KeyProvider | None,
        connectors: Sequence[Connector],
        hooks: Sequence[ChangeHook],
    ) -> AsyncCaller:
        """Opens an engine."""
        return cls(await _native.Engine.open_async(options, given_lenses(lenses), keys, list(connectors), list(hooks)), actor)

    def acting_as(self, actor: Actor) -> AsyncCaller:
        """The same engine, asked by somebody else."""
        return type(self)(self.engine, actor)

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Does something by its name."""
        return await self.engine.call_async(name, self._actor, plain(arguments))

    async def table(self, **arguments: Any) -> _native.Table:
        """Entities as a table."""
        return await self.engine.table_async(self._actor, plain(arguments))

    async def watch(self, **arguments: Any) -> AsyncWatch:
        """Starts runs, to be watched."""
        return AsyncWatch(await self.engine.watch_async(self._actor, plain(arguments)))


class Watch:
    """Runs under way. Leaving it before they are over asks them to stop."""

    def __init__(self, watch: _native.RunWatch) -> None:
        self._watch = watch

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._watch.close()

    def next(self) -> Any:
        """The next moment, or how the runs ended."""
        return self._watch.next()


class AsyncWatch:
    """As :class:`Watch`, to await."""

    def __init__(self, watch: _native.RunWatch) -> None:
        self._watch = watch

    async def __aenter__(self) -> AsyncWatch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._watch.close()

    async def next(self) -> Any:
        """The next moment, or how the runs ended."""
        return await self._watch.next_async()


class Scheduled:
    """The schedule, running in the background."""

    def __init__(self, schedule: _native.Schedule) -> None:
        self._schedule = schedule

    def __enter__(self) -> Scheduled:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops what runs at the next safe place, and waits for it."""
        self._schedule.stop()

    def join(self) -> None:
        """Waits until it ends, which it does by itself only where it fails. Ctrl-C stops it cleanly.

        Raises:
            StoreError: when the database can't be reached.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self.stop)
            self._schedule.join()


class AsyncScheduled:
    """As :class:`Scheduled`, to await."""

    def __init__(self, schedule: _native.Schedule) -> None:
        self._schedule = schedule

    async def __aenter__(self) -> AsyncScheduled:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stops what runs at the next safe place, and waits for it."""
        await self._schedule.stop_async()

    async def join(self) -> None:
        """Waits until it ends, which it does by itself only where it fails.

        Raises:
            StoreError: when the database can't be reached.
        """
        await self._schedule.join_async()
