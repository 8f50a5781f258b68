"""How reads share round trips: who joins which batch, who gets what, and who hears of a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from engine.reads import BatchedReads
from model.errors import StorageFailed, Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from storage.base import EntityRead, Facts, Wanted
from tests.support.memory_reader import MemoryReader

NOW, LATER = Snapshot.at_commit(1), Snapshot.at_commit(2)
WANTED = Wanted(memberships=("owner",))
ROWS = [RelationTuple("doc", str(number), "owner", "user", str(number), "") for number in range(100)]


class SlowReader(MemoryReader):
    """Answers a batch once the test lets it."""

    def __init__(self) -> None:
        super().__init__(ROWS)
        self.may_answer = asyncio.Event()
        self.failure: Exception | None = None
        self.asked: list[tuple[str, Snapshot, int]] = []

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        self.asked.append((tenant, snapshot, len(reads)))
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return await super().read(tenant, snapshot, reads)


def of(*numbers: int) -> list[EntityRead]:
    return [EntityRead("doc", str(number), SubjectRef("user", "7"), WANTED) for number in numbers]


def owned(facts: Sequence[Facts]) -> list[bool]:
    return [bool(one.memberships) for one in facts]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def reader() -> SlowReader:
    return SlowReader()


@pytest.fixture
async def batched(reader: SlowReader) -> AsyncIterator[BatchedReads]:
    batched = BatchedReads(reader, flights=1, most_reads=10)
    async with batched.running():
        yield batched
        reader.may_answer.set()


async def test_what_comes_together_goes_together_and_each_gets_its_own(
    reader: SlowReader, batched: BatchedReads
) -> None:
    reader.may_answer.set()
    answers = await asyncio.gather(*(batched.read("t", NOW, of(*some)) for some in ((7,), (1, 7), (2, 3))))
    assert [owned(facts) for facts in answers] == [[True], [False, True], [False, False]]
    assert reader.asked == [("t", NOW, 5)]


async def test_what_comes_while_a_batch_is_away_forms_the_next(reader: SlowReader, batched: BatchedReads) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(batched.read("t", NOW, of(1)))
        await settle()
        for number in (2, 3, 4):
            group.create_task(batched.read("t", NOW, of(number)))
        await settle()
        assert reader.asked == [("t", NOW, 1)]
        reader.may_answer.set()
    assert reader.asked == [("t", NOW, 1), ("t", NOW, 3)]


async def test_other_tenants_and_snapshots_go_by_themselves_in_order_of_arrival(
    reader: SlowReader, batched: BatchedReads
) -> None:
    async with asyncio.TaskGroup() as group:
        for tenant, snapshot in (("t", NOW), ("t", LATER), ("u", NOW), ("t", LATER)):
            group.create_task(batched.read(tenant, snapshot, of(1)))
        await settle()
        reader.may_answer.set()
    assert reader.asked == [("t", NOW, 1), ("t", LATER, 2), ("u", NOW, 1)]


async def test_a_batch_is_bounded_unless_one_caller_brings_more(reader: SlowReader, batched: BatchedReads) -> None:
    reader.may_answer.set()
    async with asyncio.TaskGroup() as group:
        for count in (6, 6, 25):
            group.create_task(batched.read("t", NOW, of(*range(count))))
    assert [reads for _, _, reads in reader.asked] == [6, 6, 25]


async def test_as_many_batches_are_away_as_there_are_flights(reader: SlowReader) -> None:
    batched = BatchedReads(reader, flights=2, most_reads=10)
    async with batched.running(), asyncio.TaskGroup() as group:
        for tenant in "abc":
            group.create_task(batched.read(tenant, NOW, of(1)))
        await settle()
        assert [tenant for tenant, _, _ in reader.asked] == ["a", "b"]
        reader.may_answer.set()
    assert [tenant for tenant, _, _ in reader.asked] == ["a", "b", "c"]


async def test_a_caller_who_leaves_takes_nobody_along(reader: SlowReader, batched: BatchedReads) -> None:
    leaving = asyncio.create_task(batched.read("t", NOW, of(1)))
    staying = asyncio.create_task(batched.read("t", NOW, of(7)))
    await settle()
    leaving.cancel()
    await settle()
    reader.may_answer.set()
    assert owned(await staying) == [True]
    assert leaving.cancelled()


async def test_a_batch_nobody_waits_for_any_more_does_not_go(reader: SlowReader, batched: BatchedReads) -> None:
    away = asyncio.create_task(batched.read("t", NOW, of(1)))
    await settle()
    waiting = asyncio.create_task(batched.read("t", LATER, of(1)))
    await settle()
    waiting.cancel()
    await settle()
    reader.may_answer.set()
    await away
    await settle()
    assert reader.asked == [("t", NOW, 1)]


@pytest.mark.parametrize("failure", [StorageFailed("the disk"), RuntimeError("a bug")])
async def test_a_failure_reaches_all_of_its_batch_and_nobody_else(
    reader: SlowReader, batched: BatchedReads, failure: Exception
) -> None:
    reader.failure = failure
    reader.may_answer.set()
    results = await asyncio.gather(*(batched.read("t", NOW, of(1)) for _ in range(3)), return_exceptions=True)
    assert results == [failure] * 3
    reader.failure = None
    assert owned(await batched.read("t", NOW, of(7))) == [True]


async def test_at_the_end_whoever_waits_is_told_and_nobody_may_come(reader: SlowReader) -> None:
    batched = BatchedReads(reader, flights=1, most_reads=10)
    async with asyncio.TaskGroup() as group:
        async with batched.running():
            away = group.create_task(batched.read("t", NOW, of(7)))
            await settle()
            waiting = group.create_task(_unavailable(batched))
            await settle()
            reader.may_answer.set()
        assert owned(await away) == [True]
        await waiting
        await _unavailable(batched)


async def _unavailable(batched: BatchedReads) -> None:
    with pytest.raises(Unavailable, match="stopping"):
        await batched.read("t", LATER, of(1))


async def test_no_reads_need_no_batch(reader: SlowReader, batched: BatchedReads) -> None:
    assert list(await batched.read("t", NOW, [])) == []
    assert reader.asked == []
