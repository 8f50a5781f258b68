"""The background work of a node: when it is done, and that nothing but the end of the node ends it."""

from __future__ import annotations

import asyncio

import pytest

from model.errors import StorageFailed
from model.snapshot import Snapshot
from node.housekeeping import CollectionCounts, garbage_collected
from node.settings import GarbageCollection
from storage.base import CollectionReport
from storage.sqlite import SqliteStorage

OFTEN = GarbageCollection(window_s=7.0, interval_s=0.0, timeout_s=0.01)
TIMEOUT_S = 10.0


class ScriptedStorage(SqliteStorage):
    """Each pass does the next thing of the script; behind its end all passes succeed."""

    script: list[str]
    passes: asyncio.Queue[float]

    async def collect_garbage(self, window_s: float) -> CollectionReport:
        await self.passes.put(window_s)
        match self.script.pop(0) if self.script else "succeed":
            case "fail":
                raise StorageFailed("disk full")
            case "hang":
                await asyncio.Event().wait()
        return CollectionReport(Snapshot.at_commit(0), 3, 2)


async def storage_with(*script: str) -> ScriptedStorage:
    storage = await ScriptedStorage.open(None)
    storage.script = list(script)
    storage.passes = asyncio.Queue()
    return storage


@pytest.mark.parametrize("script", [(), ("fail",), ("hang",), ("fail", "hang", "fail")])
async def test_passes_go_on_whatever_became_of_the_last(script: tuple[str, ...]) -> None:
    storage = await storage_with(*script)
    async with asyncio.timeout(TIMEOUT_S), garbage_collected(storage, OFTEN, CollectionCounts()):
        windows = [await storage.passes.get() for _ in range(len(script) + 2)]
    assert set(windows) == {OFTEN.window_s}
    await storage.close()


async def test_without_settings_nothing_is_started() -> None:
    storage = await storage_with()
    before = asyncio.all_tasks()
    async with garbage_collected(storage, None, CollectionCounts()):
        assert asyncio.all_tasks() == before
    assert storage.passes.empty()
    await storage.close()


@pytest.mark.parametrize("script", [(), ("hang",)])
async def test_the_work_ends_with_the_context(script: tuple[str, ...]) -> None:
    storage = await storage_with(*script)
    before = asyncio.all_tasks()
    patient = GarbageCollection(window_s=7.0, interval_s=0.0, timeout_s=3600.0)
    async with asyncio.timeout(TIMEOUT_S):
        async with garbage_collected(storage, patient, CollectionCounts()):
            await storage.passes.get()
        assert asyncio.all_tasks() == before
    await storage.close()


async def test_the_first_pass_comes_after_one_interval() -> None:
    storage = await storage_with()
    rarely = GarbageCollection(window_s=7.0, interval_s=3600.0, timeout_s=1.0)
    async with garbage_collected(storage, rarely, CollectionCounts()):
        for _ in range(10):
            await asyncio.sleep(0)
        assert storage.passes.empty()
    await storage.close()


async def test_what_becomes_of_passes_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.housekeeping.time.time", lambda: 1000.0)
    storage = await storage_with("succeed", "fail", "hang", "succeed", "hang")
    counts = CollectionCounts(succeeded_at_s=1.0)
    async with asyncio.timeout(TIMEOUT_S), garbage_collected(storage, OFTEN, counts):
        for _ in range(5):
            await storage.passes.get()
    await storage.close()
    assert (counts.completed, counts.failed) == (2, 2)
    assert (counts.tuples, counts.attributes) == (6, 4)
    assert counts.taken_s >= OFTEN.timeout_s  # one was waited for so long
    assert counts.succeeded_at_s == 1000.0
