"""The same, to await."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import syncline


def awaited(work: Callable[[syncline.AsyncSyncline], Awaitable[None]], path: Path) -> None:
    async def main() -> None:
        async with await syncline.open_async(path, actor="ada", allow_loopback=True) as sl:
            await work(sl)

    asyncio.run(main())


def test_everything_is_there_twice() -> None:
    for name in ("Syncline", "Tenant", "Entities", "Connections", "Syncs", "Runs", "Conflicts", "Audit"):
        plain: type = getattr(syncline, name)
        to_await: type = getattr(syncline, f"Async{name}")
        public = {one for one in vars(plain) if not one.startswith("_")}
        assert public == {one for one in vars(to_await) if not one.startswith("_")}, name
        for one in public:
            if inspect.isfunction(vars(plain)[one]):
                ours = list(inspect.signature(vars(plain)[one]).parameters)
                assert ours == list(inspect.signature(vars(to_await)[one]).parameters), f"{name}.{one}"


def test_a_sync_under_asyncio_lets_other_tasks_go_on(tmp_path: Path, crm: syncline.simulators.Salesforce) -> None:
    async def work(sl: syncline.AsyncSyncline) -> None:
        acme = await sl.tenant("Acme")
        sales = await acme.connections.with_tokens("salesforce", "sales", **crm.tokens)
        await acme.syncs.save("contacts", sales, await acme.connections.propose(sales, "Contact"))
        moments: list[syncline.Progress] = []
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0.001)

        beating = asyncio.ensure_future(beat())
        (run,) = await acme.runs.run(progress=moments.append)
        beating.cancel()
        assert run.pull.created == 20 and moments and beats > 2
        people = acme.entities("person")
        assert len([person async for person in people]) == 20
        assert len([person async for person in people.list(limit=3)]) == 3
        made = await asyncio.gather(people.create(last_name="A"), people.create(last_name="B"))
        both = await asyncio.gather(*(people.get(one.uid) for one in made))
        assert [one["last_name"] for one in both] == ["A", "B"]
        assert [event.event async for event in acme.events()] == ["run_started", "run_finished"]
        with pytest.raises(syncline.NotFoundError):
            await acme.blueprint("nobody")

    awaited(work, tmp_path / "app.db")


def test_a_cancelled_run_stops_at_a_safe_place(tmp_path: Path) -> None:
    async def work(sl: syncline.AsyncSyncline) -> None:
        with syncline.simulators.Salesforce(records=5_000) as crm:
            acme = await sl.tenant("Acme")
            sales = await acme.connections.with_tokens("salesforce", "sales", **crm.tokens)
            await acme.syncs.save("contacts", sales, await acme.connections.propose(sales, "Contact"))
            began = asyncio.Event()
            running = asyncio.ensure_future(acme.runs.run(progress=lambda _: began.set()))
            await began.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            async for run in acme.runs.list():
                ended = await acme.runs.wait(run)
                assert ended.status in (syncline.RunStatus.STOPPED, syncline.RunStatus.COMPLETED)
            await acme.runs.run()
            assert await acme.entities("person").count() == 5_000

    awaited(work, tmp_path / "app.db")
