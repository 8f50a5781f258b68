"""The fan-out: everybody gets everything once, each commit is read once, and slowness costs nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from random import Random

import pytest

from cluster.watch import tail as tail_module
from cluster.watch.cursor import Cursor
from cluster.watch.tail import Tail
from cluster.watch.tails import Tails
from model.errors import InvalidRequest, SnapshotExpired, StorageFailed, Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Changeset, Commit
from storage.sqlite import SqliteStorage

TIMEOUT_S = 10.0
PATIENCE_S = 5.0
KEPT = 5


class CountingStorage(SqliteStorage):
    """Notes which commits were read; fails when told to."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]  # handed on as they are
        self.commits_read: list[int] = []
        self.failure: Exception | None = None

    async def commits_since(self, tenant: str, since: Snapshot, most: int) -> list[Commit]:
        if self.failure is not None:
            raise self.failure
        commits = await super().commits_since(tenant, since, most)
        self.commits_read += [commit.snapshot.xmax - 1 for commit in commits]
        return commits


async def number_of(commit: Commit) -> int:
    """What followers get in these tests: the number of the commit."""
    await asyncio.sleep(0)
    return commit.snapshot.xmax - 1


@pytest.fixture
async def storage() -> AsyncIterator[CountingStorage]:
    opened = await CountingStorage.open(None)
    yield opened
    await opened.close()


@pytest.fixture
async def tails(storage: CountingStorage) -> AsyncIterator[Tails[int]]:
    tails = Tails(storage, number_of, kept_commits=KEPT, refresh_s=60.0)
    async with asyncio.timeout(TIMEOUT_S * 3), tails.running():
        yield tails


async def write(storage: SqliteStorage, tenant: str = "t1", times: int = 1) -> int:
    """Commit so often; the number of the last."""
    for _ in range(times):
        snapshot = await storage.write(tenant, [])
    return snapshot.xmax - 1


async def take(cursor: Cursor[int], many: int) -> list[int | None]:
    return [await cursor.next(PATIENCE_S) for _ in range(many)]


async def tail_at(tails: Tails[int], number: int) -> Tail[int]:
    """The one tail there is, once it has kept a commit."""
    ((tail, _),) = tails._tails.values()
    while tail.position != Snapshot.at_commit(number):
        await tail.news()
    return tail


async def test_all_followers_get_every_commit_which_is_read_once(storage: CountingStorage, tails: Tails[int]) -> None:
    async with AsyncExitStack() as stack:
        cursors = [await stack.enter_async_context(tails.following("t1", None)) for _ in range(50)]
        for expected in range(1, 4):
            waiting = [asyncio.ensure_future(cursor.next(PATIENCE_S)) for cursor in cursors]
            await asyncio.sleep(0)
            await write(storage)
            assert [await task for task in waiting] == [expected] * 50
        assert (len(tails), tails.followers, tails.commits) == (1, 50, 3)
    assert storage.commits_read == [1, 2, 3]
    assert (len(tails), tails.followers) == (0, 0)


async def test_a_follower_begins_at_the_head_of_its_call(storage: CountingStorage, tails: Tails[int]) -> None:
    await write(storage, times=3)
    async with tails.following("t1", None) as first:
        await write(storage)
        async with tails.following("t1", None) as second:
            await write(storage)
            assert await take(first, 2) == [4, 5]
            assert await take(second, 1) == [5]


async def test_an_old_token_is_caught_up_with_from_the_store_and_then_served_by_the_tail(
    storage: CountingStorage, tails: Tails[int]
) -> None:
    await write(storage, times=10)
    async with tails.following("t1", Snapshot.at_commit(4)) as cursor:
        assert await take(cursor, 6) == [5, 6, 7, 8, 9, 10]
        reading = asyncio.ensure_future(cursor.next(PATIENCE_S))
        await asyncio.sleep(0)
        await write(storage)
        assert await reading == 11
        assert storage.commits_read.count(11) == 1


async def test_one_who_falls_behind_what_is_kept_misses_nothing(storage: CountingStorage, tails: Tails[int]) -> None:
    async with tails.following("t1", None) as slow, tails.following("t1", None) as fast:
        for number in range(1, 4 * KEPT + 1):
            await write(storage)
            assert await take(fast, 1) == [number]
        assert await take(slow, 4 * KEPT) == [*range(1, 4 * KEPT + 1)]
        assert slow.at == fast.at
        again = [asyncio.ensure_future(cursor.next(PATIENCE_S)) for cursor in (slow, fast)]
        last = await write(storage)
        assert [await task for task in again] == [last, last]
        assert storage.commits_read.count(last) == 1


async def test_commits_of_others_are_neither_given_nor_waited_for(storage: CountingStorage, tails: Tails[int]) -> None:
    async with tails.following("t1", None) as cursor:
        await write(storage, "other", times=3)
        async with tails.following("t1", None) as ahead:  # of where the tail stands
            assert ahead.at == Snapshot.at_commit(3)
            await write(storage)
            assert await take(cursor, 1) == await take(ahead, 1) == [4]


async def test_a_tail_keeps_no_more_than_its_bound(storage: CountingStorage, tails: Tails[int]) -> None:
    async with tails.following("t1", None):
        tail = await tail_at(tails, await write(storage, times=3 * KEPT))
        assert (tail.end - tail.first, tail.base) == (KEPT, Snapshot.at_commit(2 * KEPT))


async def test_a_tail_keeps_few_commits_if_they_are_large_but_always_the_newest(
    storage: CountingStorage, tails: Tails[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "_MOST_CHANGES_KEPT", 10)

    async def write_rows(many: int) -> int:
        rows = [RelationTuple("doc", str(many), "viewer", "user", str(i)) for i in range(many)]
        snapshot = await storage.write("t1", [Changeset(rows)])
        return snapshot.xmax - 1

    async with tails.following("t1", None) as cursor:
        for many, kept in ((4, 1), (5, 2), (6, 1), (50, 1), (3, 1), (1, 2)):
            tail = await tail_at(tails, await write_rows(many))
            assert tail.end - tail.first == kept, many
        assert await take(cursor, 6) == [1, 2, 3, 4, 5, 6]


async def test_the_last_to_leave_ends_the_tail_and_the_next_to_come_starts_another(
    storage: CountingStorage, tails: Tails[int]
) -> None:
    before = asyncio.all_tasks()
    for _ in range(3):
        async with tails.following("t1", None), tails.following("t1", None) as cursor, tails.following("t2", None):
            number = await write(storage)
            assert await take(cursor, 1) == [number]
            assert len(asyncio.all_tasks() - before) == 2
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert repr(tails) == "<Tails of 0 tenants>"


async def test_patience_ends_without_a_commit_and_moves_up_what_is_idle(storage: CountingStorage) -> None:
    tails = Tails(storage, number_of, kept_commits=KEPT, refresh_s=0.0)
    async with asyncio.timeout(TIMEOUT_S), tails.running(), tails.following("t1", None) as cursor:
        await write(storage, "other", times=3)
        while cursor.at != Snapshot.at_commit(3):
            assert await cursor.next(0.0) is None
        await storage.collect_garbage(0)
        number = await write(storage)
        assert await take(cursor, 1) == [number]


async def test_a_cursor_never_moves_back(storage: CountingStorage, tails: Tails[int]) -> None:
    async with tails.following("t1", None):
        await write(storage, "other", times=3)
        async with tails.following("t1", None) as ahead:
            assert await ahead.next(0.0) is None
            assert ahead.at == Snapshot.at_commit(3)


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancelled_wait_loses_nothing(storage: CountingStorage, tails: Tails[int], turns: int) -> None:
    await write(storage, times=3)
    async with tails.following("t1", Snapshot.at_commit(1)) as cursor:
        given: list[int | None] = []
        for _ in range(10):
            task = asyncio.create_task(cursor.next(PATIENCE_S))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                given.append(task.result())
        await write(storage)
        assert given + await take(cursor, 3 - len(given)) == [2, 3, 4]


async def test_many_are_woken_a_few_at_a_time(storage: CountingStorage, tails: Tails[int]) -> None:
    async with AsyncExitStack() as stack:
        cursors = [await stack.enter_async_context(tails.following("t1", None)) for _ in range(300)]
        waiting = [asyncio.ensure_future(cursor.next(PATIENCE_S)) for cursor in cursors]
        await asyncio.sleep(0)
        await write(storage)
        steps, done = list[int](), 0
        while done < len(waiting):
            await asyncio.wait([task for task in waiting if not task.done()], return_when=asyncio.FIRST_COMPLETED)
            steps.append(sum(task.done() for task in waiting) - done)
            done += steps[-1]
        assert max(steps) <= 50
        assert {task.result() for task in waiting} == {1}


async def test_one_who_waits_in_vain_again_and_again_leaves_nothing(tails: Tails[int]) -> None:
    async with tails.following("t1", None) as cursor:
        ((tail, _),) = tails._tails.values()
        for _ in range(10):
            assert await cursor.next(0.0) is None
        assert tail._waiting == set()


# --- failure and the end ---


async def test_a_failing_store_fails_the_followers_of_the_tenant_and_nobody_else(
    storage: CountingStorage, tails: Tails[int]
) -> None:
    async with tails.following("t2", None) as elsewhere:
        async with AsyncExitStack() as stack:
            cursors = [await stack.enter_async_context(tails.following("t1", None)) for _ in range(3)]
            waiting = [asyncio.ensure_future(cursor.next(PATIENCE_S)) for cursor in cursors]
            await asyncio.sleep(0)
            storage.failure = StorageFailed("disk full")
            await write(storage)
            for task in waiting:
                with pytest.raises(StorageFailed, match="disk full"):
                    await task
            storage.failure = None
            async with tails.following("t1", None) as cursor:  # a new tail, although the old one is still held
                number = await write(storage)
                assert await take(cursor, 1) == [number]
        number = await write(storage, "t2")
        assert await take(elsewhere, 1) == [number]


async def test_a_bug_in_what_is_made_of_a_commit_reaches_the_followers(storage: CountingStorage) -> None:
    async def broken(commit: Commit) -> int:
        raise ZeroDivisionError(commit)

    tails = Tails(storage, broken, kept_commits=KEPT, refresh_s=60.0)
    async with asyncio.timeout(TIMEOUT_S), tails.running(), tails.following("t1", None) as cursor:
        await write(storage)
        with pytest.raises(ZeroDivisionError):
            await cursor.next(PATIENCE_S)


@pytest.mark.parametrize(
    ("since", "error"), [(Snapshot.at_commit(99), InvalidRequest), (Snapshot.at_commit(1), SnapshotExpired)]
)
async def test_a_token_that_cannot_be_gone_on_from_is_refused_whether_there_is_a_tail_or_not(
    storage: CountingStorage, tails: Tails[int], since: Snapshot, error: type[Exception]
) -> None:
    await write(storage, times=3)
    await storage.collect_garbage(0)
    for _ in range(2):
        with pytest.raises(error):
            async with tails.following("t1", since):
                pass
        await asyncio.sleep(0)
        async with tails.following("t1", None):
            with pytest.raises(error):
                async with tails.following("t1", since):
                    pass


async def test_the_end_of_the_node_tells_all_who_follow_and_turns_away_who_comes(storage: CountingStorage) -> None:
    tails = Tails(storage, number_of, kept_commits=KEPT, refresh_s=60.0)
    before = asyncio.all_tasks()
    async with asyncio.timeout(TIMEOUT_S), AsyncExitStack() as stack:
        async with tails.running():
            cursors = [await stack.enter_async_context(tails.following(f"t{i % 2}", None)) for i in range(4)]
            waiting = [asyncio.ensure_future(cursor.next(PATIENCE_S)) for cursor in cursors]
            await asyncio.sleep(0)
        for task in waiting:
            with pytest.raises(Unavailable, match="stopping"):
                await task
        with pytest.raises(Unavailable, match="stopping"):
            await cursors[0].next(PATIENCE_S)
        with pytest.raises(Unavailable, match="stopping"):
            await stack.enter_async_context(tails.following("t1", None))
    assert asyncio.all_tasks() == before


async def test_an_error_beside_the_tails_comes_out_as_it_is(storage: CountingStorage) -> None:
    tails = Tails(storage, number_of, kept_commits=KEPT, refresh_s=60.0)
    with pytest.raises(StorageFailed, match="elsewhere"):
        async with tails.running(), tails.following("t1", None):
            raise StorageFailed("elsewhere")


# --- all at once ---


async def follow_at_random(tails: Tails[int], since: Snapshot, many: int, random: Random) -> Sequence[int]:
    """So many commits after a snapshot, now fast, now slow, now by a new cursor."""
    given: list[int] = []
    while len(given) < many:
        async with tails.following("t1", since) as cursor:
            for _ in range(min(random.randrange(1, 30), many - len(given))):
                for _ in range(random.choice((0, 0, 0, 40))):
                    await asyncio.sleep(0)
                number = await cursor.next(PATIENCE_S)
                assert number is not None
                given.append(number)
                since = Snapshot.at_commit(number)
    return given


@pytest.mark.parametrize("seed", range(5))
async def test_followers_of_any_speed_from_any_token_get_the_same(
    storage: CountingStorage, tails: Tails[int], seed: int
) -> None:
    random = Random(seed)
    await write(storage, times=20)
    async with asyncio.TaskGroup() as group:
        starts = [random.randrange(21) for _ in range(20)]
        following = [
            group.create_task(follow_at_random(tails, Snapshot.at_commit(start), 80 - start, Random(f"{seed} {n}")))
            for n, start in enumerate(starts)
        ]
        for _ in range(60):
            await write(storage)
    for start, task in zip(starts, following, strict=True):
        assert task.result() == [*range(start + 1, 81)]


async def test_a_generator_that_is_closed_while_it_follows_leaves_nothing(
    storage: CountingStorage, tails: Tails[int]
) -> None:
    async def numbers() -> AsyncIterator[int | None]:
        async with tails.following("t1", None) as cursor:
            while True:
                yield await cursor.next(PATIENCE_S)

    before = asyncio.all_tasks()
    async with aclosing(numbers()) as given:  # type: ignore[type-var]  # a generator, which can be closed
        reading = asyncio.ensure_future(anext(given))
        await asyncio.sleep(0)
        await write(storage)
        assert await reading == 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_tail_that_cannot_read_what_it_knows_of_lags(
    storage: CountingStorage, tails: Tails[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = asyncio.Event()
    read = storage.commits_since

    async def read_slowly(tenant: str, since: Snapshot, most: int) -> list[Commit]:
        await may_read.wait()
        return await read(tenant, since, most)

    async with tails.following("t1", None) as cursor:
        waiting = asyncio.ensure_future(cursor.next(PATIENCE_S))
        await asyncio.sleep(0.01)
        assert tails.lag_s == 0
        monkeypatch.setattr(storage, "commits_since", read_slowly)
        await write(storage)
        await asyncio.sleep(0.05)
        assert tails.lag_s >= 0.03
        may_read.set()
        assert await waiting == 1
        await asyncio.sleep(0.01)
        assert tails.lag_s == 0
