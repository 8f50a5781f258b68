"""Heads are read anew for every request, and whatever order their news come in, none of them is lost."""

from __future__ import annotations

import asyncio

import pytest

from cluster.invoker import heads as module
from cluster.invoker.chronicle import Chronicle
from cluster.invoker.dependencies import keys_touched_by
from cluster.invoker.heads import Heads
from model.errors import Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Head, News, Touch


def at(number: int) -> Snapshot:
    return Snapshot.at_commit(number)


def row(number: int) -> RelationTuple:
    return RelationTuple("doc", str(number), "viewer", "user", "ann")


def own_keys_of(number: int) -> set[int]:
    """The keys that a row touches and no other."""
    return keys_touched_by([row(number)]) - keys_touched_by([row(0)])


class Source:
    """A store in which each commit touched the row of its number; readings return when they are let go."""

    def __init__(self) -> None:
        self.head = 10
        self.version = "v1"
        self.history = "here"
        self.readings: list[asyncio.Event] = []
        self.asked_since: list[Snapshot | None] = []
        self.waits = False
        self.tells = True

    async def news(self, tenant: str, since: Snapshot | None) -> News:
        self.asked_since.append(since)
        head, history = Head(at(self.head), self.version), self.history
        touches = None
        if since is not None and self.tells:
            touches = [Touch(number, [row(number)]) for number in range(since.xmax, self.head + 1)]
        if self.waits:
            self.readings.append(asyncio.Event())
            await self.readings[-1].wait()
        if tenant == "broken":
            raise Unavailable("no")
        return News(head, history, touches)


@pytest.fixture
def source() -> Source:
    return Source()


async def test_every_call_reads_a_head(source: Source) -> None:
    heads = Heads(source)
    first = await heads.latest("t1")
    source.head = 12
    second = await heads.latest("t1")
    assert second is first
    assert second.head == Head(at(12), "v1")
    assert source.asked_since == [None, at(10)]


async def relied_on(heads: Heads) -> Chronicle:
    """The chronicle of a tenant some answer is kept for."""
    chronicle = await heads.latest("t1")
    chronicle.is_relied_on = True
    return chronicle


async def test_what_was_touched_is_known_from_then_on(source: Source) -> None:
    heads = Heads(source)
    chronicle = await relied_on(heads)
    source.head = 12
    await heads.latest("t1")
    assert chronicle.steps == 1
    untouched = [chronicle.is_untouched_since(0, own_keys_of(number)) for number in (10, 11, 12, 13)]
    assert untouched == [True, False, False, True]


async def test_where_no_answer_is_kept_nobody_looks_at_what_was_touched(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "keys_touched_by", None)
    heads = Heads(source)
    chronicle = await heads.latest("t1")
    source.head = 12
    assert await heads.latest("t1") is chronicle
    assert chronicle.head.snapshot == at(12)
    assert not chronicle.is_untouched_since(0, [])


async def test_a_head_alone_asks_for_no_news(source: Source) -> None:
    heads = Heads(source)
    await heads.latest("t1")
    source.head = 12
    assert await heads.head("t1") == Head(at(12), "v1")
    assert source.asked_since == [None, None]


async def test_no_news_are_no_step(source: Source) -> None:
    heads = Heads(source)
    chronicle = await heads.latest("t1")
    head = chronicle.head.snapshot
    for _ in range(3):
        assert (await heads.latest("t1")).head.snapshot is head  # the very object, which answers are compared with
    assert chronicle.steps == 0


async def test_a_newer_schema_alone_is_no_step_either(source: Source) -> None:
    heads = Heads(source)
    chronicle = await heads.latest("t1")
    head = chronicle.head.snapshot
    source.version = "v2"
    assert (await heads.latest("t1")).head == Head(at(10), "v2")
    assert chronicle.head.snapshot is head
    assert chronicle.steps == 0


async def test_where_the_store_cannot_tell_anything_may_have_been_touched(source: Source) -> None:
    heads = Heads(source)
    chronicle = await heads.latest("t1")
    source.head, source.tells = 12, False
    assert await heads.latest("t1") is chronicle
    assert not chronicle.is_untouched_since(0, [])


@pytest.mark.parametrize("change", [{"history": "there"}, {"head": 5}])
async def test_another_history_begins_another_chronicle(source: Source, change: dict[str, object]) -> None:
    heads = Heads(source)
    chronicle = await heads.latest("t1")
    source.head = 12
    await heads.latest("t1")
    for name, value in change.items():
        setattr(source, name, value)
    if "head" in change:
        source.history = "restored"
    other = await heads.latest("t1")
    assert other is not chronicle
    assert other.head.snapshot == at(source.head)


async def test_tenants_are_apart(source: Source) -> None:
    heads = Heads(source)
    assert await heads.latest("t1") is not await heads.latest("t2")


async def test_a_reading_that_fails_changes_nothing(source: Source) -> None:
    heads = Heads(source)
    with pytest.raises(Unavailable):
        await heads.latest("broken")
    assert (await heads.latest("t1")).head.snapshot == at(10)


async def _three_overlapping(source: Source, heads: Heads) -> list[asyncio.Task[object]]:
    """Readings of heads 11, 12 and 13, begun while 10 was known; none has returned."""
    await heads.latest("t1")
    source.waits = True
    tasks: list[asyncio.Task[object]] = []
    for number in (11, 12, 13):
        source.head = number
        tasks.append(asyncio.create_task(heads.latest("t1")))
        await asyncio.sleep(0)
    return tasks


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
async def test_readings_that_overtake_each_other_lose_nothing(source: Source, order: tuple[int, ...]) -> None:
    heads = Heads(source)
    tasks = await _three_overlapping(source, heads)
    for place in order:
        source.readings[place].set()
        await tasks[place]
    source.waits = False
    chronicle = await heads.latest("t1")
    assert chronicle.head.snapshot == at(13)
    for number in (11, 12, 13):
        assert not chronicle.is_untouched_since(0, own_keys_of(number))


async def test_everybody_gets_a_head_at_least_as_new_as_his_reading(source: Source) -> None:
    heads = Heads(source)
    tasks = await _three_overlapping(source, heads)
    for reading in reversed(source.readings):
        reading.set()
    found = [await task for task in tasks]
    assert all(chronicle is found[0] for chronicle in found)


async def test_big_news_are_worked_through_in_turns_and_once(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ITEMS_PER_TURN", 10)
    worked: list[int] = []

    def counted(items: list[RelationTuple]) -> set[int]:
        worked.append(len(items))
        return keys_touched_by(items)

    monkeypatch.setattr(module, "keys_touched_by", counted)
    heads = Heads(source)
    await relied_on(heads)
    source.head = 65
    chronicles = await asyncio.gather(*(heads.latest("t1") for _ in range(5)))
    assert all(chronicle is chronicles[0] for chronicle in chronicles)
    assert worked == [10, 10, 10, 10, 10, 5]
    assert chronicles[0].steps == 1
    assert not chronicles[0].is_untouched_since(0, own_keys_of(60))


async def test_a_chronicle_begun_anew_meanwhile_trusts_no_news_from_before_it(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_TENANTS", 1)
    heads = Heads(source)
    source.head = 20
    await heads.latest("t1")
    source.waits = True
    source.head = 30
    late = asyncio.create_task(heads.latest("t1"))  # tells what came after 20
    await asyncio.sleep(0)
    source.waits = False
    source.head = 10
    await heads.latest("t2")  # pushes the chronicle of t1 out
    begun_anew = await heads.latest("t1")  # a reading from before, as it were: 10
    source.readings[0].set()
    assert await late is begun_anew
    assert not begun_anew.is_untouched_since(0, own_keys_of(15))


async def test_heads_that_are_asked_for_are_counted(source: Source) -> None:
    heads = Heads(source)
    await heads.latest("t1")
    await heads.latest("t1")
    await heads.head("t2")
    assert heads.requests == 3
