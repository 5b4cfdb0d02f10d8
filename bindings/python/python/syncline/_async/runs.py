"""Executions of syncs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import List, Any, Union

from .._caller import AsyncCaller
from .._plain import build, build_all
from ..model.connection import Connection
from ..model.mapping import Direction
from ..model.run import Failure, Progress, RollbackRelease, Run, RunStatus
from ..model.sync import StartedRun, Sync

Scope = Union[Sync, Connection, str, None]
PAGE = 100


class AsyncRuns:
    """The runs of a tenant."""

    def __init__(self, caller: AsyncCaller, tenant: int) -> None:
        self._caller = caller
        self._tenant = tenant

    async def run(
        self,
        scope: Scope = None,
        *,
        progress: Callable[[Progress], object] | None = None,
        full: bool = False,
        since: datetime | None = None,
        dry_run: bool = False,
        force: bool = False,
        sweep: bool = False,
        direction: Direction | None = None,
        objects: Sequence[str] = (),
        records: Sequence[str] = (),
        max_records: int | None = None,
        batch_size: int | None = None,
        release_brake: bool = False,
        debug: bool = False,
    ) -> List[Run]:
        """Runs syncs and waits until they are over: one run per connection. How each ended is in its ``status``.

        Ctrl-C, a cancelled task, or an exception from ``progress`` asks them to stop at the next safe place; nothing is
        lost, and the next run goes on from there.

        Args:
            scope: A sync, a connection, or the name of a provider; everything of the tenant if it is left out.
            progress: Called with each moment of progress.
            full: Reads everything instead of what changed.
            since: Reads what changed since then; the cursor stays where it is.
            dry_run: Plans everything and writes nothing: see ``plan`` of each run.
            force: The source side wins this run: the CRM unless ``direction`` is ``push``. Losers are audited.
            sweep: Compares all ids and stamps, to find lost changes and hard deletes.
            direction: Which way values flow, beside what syncs and fields say.
            objects: Only syncs of these remote objects.
            records: Only these remote records.
            max_records: Reads at most so many of each object; the cursor stays where it is.
            batch_size: Records per page, where the provider lets us choose.
            release_brake: Goes on although the mass-change brake tripped.
            debug: Writes down what each step did.

        Raises:
            NotFoundError: when there is nothing to run.
            RefusedError: when everything in the scope is paused, deleted or disconnected.
        """
        async with await self._caller.watch(
            **self._request(
                scope,
                full=full,
                since=since,
                dry_run=dry_run,
                force=force,
                sweep=sweep,
                direction=direction,
                objects=list(objects),
                records=list(records),
                max_records=max_records,
                batch_size=batch_size,
                release_brake=release_brake,
                debug=debug,
            )
        ) as watch:
            while True:
                moment = await watch.next()
                if "runs" in moment:
                    return build_all(Run, moment["runs"])
                if progress is not None:
                    progress(build(Progress, moment))

    async def start(self, scope: Scope = None, **parameters: Any) -> List[StartedRun]:
        """Starts runs in the background and returns at once.

        Args:
            scope: As in :meth:`run`.
            parameters: As in :meth:`run`, by name.

        Raises:
            NotFoundError: when there is nothing to run.
            RefusedError: when everything in the scope is paused, deleted or disconnected.
        """
        return build_all(StartedRun, await self._caller.call("runs.start", **self._request(scope, **parameters)))

    async def get(self, run: Run | StartedRun | int) -> Run:
        """A run as it is now.

        Raises:
            NotFoundError: when there is none.
        """
        return build(Run, await self._of("get", run))

    async def wait(self, run: Run | StartedRun | int) -> Run:
        """Waits until a run is over, whoever carries it out."""
        return build(Run, await self._of("wait", run))

    async def stop(self, run: Run | StartedRun | int) -> None:
        """Asks a run to stop at the next safe place; returns at once.

        Raises:
            RefusedError: when it is over.
        """
        await self._of("stop", run)

    async def list(
        self,
        *,
        connection: Connection | int | None = None,
        status: Sequence[RunStatus | str] = (),
        object: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Run]:
        """Runs, newest first.

        Args:
            connection: Of this one only.
            status: With one of these only.
            object: Of syncs of this remote object only.
            since: Asked for at or after.
            until: Asked for before.
            limit: At most so many.
        """
        before: int | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            query = {
                "connection": connection.id if isinstance(connection, Connection) else connection,
                "status": list(status),
                "object": object,
                "since": since,
                "until": until,
                "before": before,
                "limit": size,
            }
            page = build_all(Run, await self._caller.call("runs.list", tenant=self._tenant, query=query))
            for run in page:
                before = run.id
                yield run
            if len(page) < size:
                return
            left = None if left is None else left - len(page)

    async def failures(self, sync: Sync | int | None = None) -> List[Failure]:
        """Records that could not be processed, each with the reason.

        Args:
            sync: Of this sync only.
        """
        number = sync.id if isinstance(sync, Sync) else sync
        return build_all(Failure, await self._caller.call("runs.failures", tenant=self._tenant, sync=number))

    async def retry(self, failure: Failure | int) -> None:
        """Lets the next run try a failed record again, whatever its schedule says."""
        number = failure.id if isinstance(failure, Failure) else failure
        await self._caller.call("runs.retry_failure", tenant=self._tenant, failure=number)

    async def dismiss(self, failure: Failure | int) -> None:
        """Takes a failed record out of the list."""
        number = failure.id if isinstance(failure, Failure) else failure
        await self._caller.call("runs.dismiss_failure", tenant=self._tenant, failure=number)

    async def rollback(
        self, run: Run | int, release: RollbackRelease = RollbackRelease.HOLD, *, dry_run: bool = False
    ) -> Run:
        """Takes a run back, as a run of its own, as far as nothing has happened since; see ``diverged`` for the rest.

        Args:
            run: The run.
            release: What happens to a change at the side that it came from.
            dry_run: Plans it and changes nothing.

        Raises:
            RefusedError: when it can't be rolled back, with the reason.
        """
        return build(Run, await self._of("rollback", run, release=str(release), dry_run=dry_run))

    async def release_rollback(self, rollback: Run | int, release: RollbackRelease) -> int:
        """Decides about what a rollback holds; returns how many fields that were."""
        return int(await self._of("release_rollback", rollback, release=str(release)))

    async def _of(self, name: str, run: Run | StartedRun | int, /, **arguments: Any) -> Any:
        number = run if isinstance(run, int) else run.id
        return await self._caller.call(f"runs.{name}", tenant=self._tenant, run=number, **arguments)

    def _request(self, scope: Scope, **parameters: Any) -> dict[str, Any]:
        given: Any
        if scope is None:
            given = "tenant"
        elif isinstance(scope, Sync):
            given = {"sync": scope.id}
        elif isinstance(scope, Connection):
            given = {"connection": scope.id}
        else:
            given = {"provider": scope}
        return {"tenant": self._tenant, "scope": given, "parameters": parameters}
