"""Heads are read after they were asked for, one reading for everybody waiting, and leaving callers harm nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InvalidRequest, Unavailable
from model.snapshot import Snapshot
from storage.base import Changeset, Head
from storage.postgres.heads import Heads, Sight
from storage.postgres.pools import Pool
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import tuples


class SlowDatabase:
    """Stands for the pool: each reading sees the commits made before it began, and ends when it is told to."""

    def __init__(self) -> None:
        self.commits = 0
        self.readings: list[tuple[Sequence[str], asyncio.Future[None]]] = []
        self.looked_from: list[Sequence[str | None]] = []
        self.history: str | None = "one"

    async def fetch(
        self, statement: str, tenants: Sequence[str], sinces: Sequence[str | None] = ()
    ) -> list[dict[str, object]]:
        assert "pg_current_snapshot()" in statement
        seen, end = self.commits, asyncio.get_running_loop().create_future()
        self.readings.append((tenants, end))
        await end
        self.looked_from.append(sinces)
        every = {"snapshot": (seen + 1, seen + 1, ()), "history": self.history, "newest": seen, "version": None}
        return [{"place": place, **every, "horizon_of_none": None} for place in range(1, len(tenants) + 1)]

    def end(self, error: Exception | None = None) -> None:
        """End the reading that runs."""
        running = [end for _, end in self.readings if not end.done()]
        assert len(running) == 1, "one reading at a time"
        running[0].set_exception(error) if error else running[0].set_result(None)


@pytest.fixture
def slow() -> SlowDatabase:
    return SlowDatabase()


@pytest.fixture
def heads(slow: SlowDatabase) -> Heads:
    return Heads(cast(Pool, slow))


async def turn(times: int = 5) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def asked(heads: Heads, tenant: str = "t1", since: Snapshot | None = None) -> asyncio.Task[Sight]:
    return asyncio.create_task(heads.sight(tenant, since))


def seen(task: asyncio.Task[Sight]) -> int:
    assert task.done()
    return task.result().news.head.snapshot.xmax - 1


async def test_who_asks_while_a_reading_runs_gets_the_next_one(slow: SlowDatabase, heads: Heads) -> None:
    first = asked(heads)
    await turn()
    slow.commits = 1  # acknowledged before the second asks: its head must show it
    second = asked(heads)
    await turn()
    assert len(slow.readings) == 1
    slow.end()
    await turn()
    assert seen(first) == 0
    assert not second.done()
    slow.end()
    await turn()
    assert seen(second) == 1


async def test_all_who_wait_share_one_reading_of_all_their_tenants(slow: SlowDatabase, heads: Heads) -> None:
    first = asked(heads)
    await turn()
    waiting = [asked(heads, name) for name in ("b", "a", "b", "c")]
    await turn()
    slow.end()
    await turn()
    slow.end()
    await turn()
    assert [seen(task) for task in (first, *waiting)] == [0] * 5
    assert [list(names) for names, _ in slow.readings] == [["t1"], ["b", "a", "c"]]
    assert heads.reads == 2
    assert heads.reads_s > 0
    assert repr(heads) == "Heads(0 waiting, idle)"


async def test_an_error_goes_to_all_who_shared_the_reading_and_to_nobody_else(slow: SlowDatabase, heads: Heads) -> None:
    first = asked(heads)
    await turn()
    sharing = [asked(heads) for _ in range(3)]
    await turn()
    slow.end()
    await turn()
    later = asked(heads)
    await turn()
    slow.end(Unavailable("gone"))
    await turn()
    assert seen(first) == 0
    assert [str(task.exception()) for task in sharing] == ["gone"] * 3
    slow.end()
    await turn()
    assert seen(later) == 0


async def test_a_leader_who_leaves_leaves_its_reading_to_the_others(slow: SlowDatabase, heads: Heads) -> None:
    first = asked(heads)
    await turn()
    leader, sharing = asked(heads), asked(heads)
    await turn()
    slow.end()
    await turn()
    leader.cancel()
    await turn()
    assert leader.cancelled()
    slow.readings.pop(1)  # the one that was cancelled with it
    slow.end()
    await turn()
    assert (seen(first), seen(sharing)) == (0, 0)


async def test_whoever_is_given_the_lead_and_leaves_in_that_moment_passes_it_on(
    slow: SlowDatabase, heads: Heads
) -> None:
    first = asked(heads)
    await turn()
    second, third = asked(heads), asked(heads)
    await turn()
    slow.end()
    for _ in range(10):
        if first.done():
            break
        await asyncio.sleep(0)
    second.cancel()  # the lead lies in its hands, and it has not run since
    await turn()
    slow.end()
    await turn()
    assert second.cancelled()
    assert seen(third) == 0


async def test_waiters_who_have_left_are_not_read_for(slow: SlowDatabase, heads: Heads) -> None:
    first = asked(heads)
    await turn()
    leaving = [asked(heads, f"left{n}") for n in range(3)]
    await turn()
    for task in leaving:
        task.cancel()
    await turn()
    slow.end()
    await turn()
    assert seen(first) == 0
    assert len(slow.readings) == 1
    assert repr(heads) == "Heads(0 waiting, idle)"


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 2)),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("end"), st.just(0)),
        st.tuples(st.just("fail"), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("turn"), st.integers(1, 4)),
    ),
    max_size=40,
)


class Play:
    """Callers who come and go while readings begin, end and fail."""

    def __init__(self) -> None:
        self.database = SlowDatabase()
        self.heads = Heads(cast(Pool, self.database))
        self.callers: list[tuple[asyncio.Task[Sight], int]] = []  # and what was committed when they asked

    async def ask(self, number: int) -> None:
        self.callers.append((asked(self.heads, str(number)), self.database.commits))
        await asyncio.sleep(0)

    async def commit(self, _: int) -> None:
        self.database.commits += 1

    async def end(self, _: int, error: Exception | None = None) -> None:
        if not all(end.done() for _, end in self.database.readings):
            self.database.end(error)

    async def fail(self, number: int) -> None:
        await self.end(number, Unavailable("gone"))

    async def cancel(self, number: int) -> None:
        if self.callers:
            self.callers[number % len(self.callers)][0].cancel()

    async def turn(self, number: int) -> None:
        await turn(number)

    async def run(self, steps: list[tuple[str, int]]) -> None:
        for step, number in steps:
            await getattr(self, step)(number)
        for _ in range(5 + len(steps)):
            await turn()
            await self.end(0)
        await turn()


@given(steps=_STEPS)
def test_in_any_interleaving_heads_are_fresh_and_nobody_is_forgotten(steps: list[tuple[str, int]]) -> None:
    async def check() -> None:
        play = Play()
        await play.run(steps)
        assert repr(play.heads) == "Heads(0 waiting, idle)"
        for task, committed in play.callers:
            assert task.done()
            if not task.cancelled() and task.exception() is None:
                assert committed <= seen(task)

    asyncio.run(check())


async def test_a_server_that_has_become_a_standby_gives_no_heads(slow: SlowDatabase, heads: Heads) -> None:
    slow.history = None
    asking = asked(heads)
    await turn()
    slow.end()
    with pytest.raises(Unavailable, match="standby"):
        await asking


async def test_one_reading_looks_from_every_snapshot_once(slow: SlowDatabase, heads: Heads) -> None:
    first = asked(heads)
    await turn()
    here, there = Snapshot(3, 9, frozenset({4, 3})), Snapshot(5, 5)
    waiting = [asked(heads, "t1", since) for since in (here, there, here, None, Snapshot(7, 3))]
    waiting.append(asked(heads, "t2", here))
    await turn()
    slow.end()
    await turn()
    slow.end()
    await turn()
    assert slow.readings[1][0] == ["t1"] * 4 + ["t2"]
    assert slow.looked_from == [(), ["3:9:3,4", "5:5:", None, None, "3:9:3,4"]]
    assert not any(task.result().is_whole for task in (first, *waiting))


async def test_while_heads_rest_nobody_looks_further(slow: SlowDatabase, heads: Heads) -> None:
    async def read(since: Snapshot | None) -> tuple[bool, bool]:
        """Whether the reading looked, and whether what it told is whole."""
        task = asked(heads, "t1", since)
        await turn()
        slow.end()
        await turn()
        return slow.looked_from[-1] != (), task.result().is_whole

    old, new = Snapshot.at_commit(0), Snapshot.at_commit(1)
    assert await read(None) == (False, False)
    assert await read(old) == (True, True)  # nobody knows yet if heads rest
    assert await read(old) == (False, True)
    slow.commits = 1
    assert await read(old) == (False, False)  # it has just begun to move
    assert await read(new) == (True, True)
    assert await read(new) == (False, True)
    assert await read(old) == (True, False)  # who is behind is looked for


async def test_a_tenant_that_is_no_text_fails_alone(store: PostgresStorage) -> None:
    good = asyncio.create_task(store.head("t1"))
    with pytest.raises(InvalidRequest, match="not valid Unicode"):
        await store.head("\ud800")
    assert (await good).schema_version == ""


async def test_a_tenant_with_nul_has_no_schema_and_fails_nobody(store: PostgresStorage) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.head(name)) for name in ("t1", "a\0b", "t2")]
    assert {task.result() for task in tasks} == {Head(Snapshot.at_commit(0), "")}


async def test_two_stores_agree_on_the_head_when_nothing_is_written(store: PostgresStorage) -> None:
    written = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    second = await PostgresStorage.open(PostgresSettings(_uri(store)))
    assert (await store.head("t1")).snapshot == (await second.head("t1")).snapshot == written
    await second.close()


def _uri(store: PostgresStorage) -> str:
    return store._pools.writer._settings.writer_uri
