"""What waits to be sent: in batches, within bounds, with one word when it begins to fail and one when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from threading import Thread

from structlog.testing import capture_logs

from telemetry.outbound import NotTaken, Outbound, OutboundCounts, OutboundSettings
from tests.support.leaping_loop import leaping

SETTINGS = OutboundSettings(most_waiting=10, most_per_batch=4, linger_s=1.0, patience_s=10.0, last_words_s=2.0)
LONG_S = 1_000.0

DOWN = NotTaken("nobody listens", may_come_again=True)
WRONG = NotTaken("answered with status 400", may_come_again=False)


class FakeCollector:
    """Takes batches; answers each as its script says, and well once that is over. takes_s: how long it thinks."""

    def __init__(self, *script: Exception, takes_s: float = 0.0) -> None:
        self.script = list(script)
        self.takes_s = takes_s
        self.taken: list[Sequence[int]] = []
        self.tries_at_s: list[float] = []

    async def __call__(self, batch: Sequence[int]) -> None:
        self.tries_at_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_s)
        if self.script:
            raise self.script.pop(0)
        self.taken.append(list(batch))


@asynccontextmanager
async def sending(
    send: Callable[[Sequence[int]], Awaitable[None]], settings: OutboundSettings = SETTINGS
) -> AsyncIterator[Outbound[int]]:
    outbound = Outbound("spans", "there:4318", send, settings)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(outbound.run())
        yield outbound
        await outbound.finish()
        running.cancel()


def test_what_comes_soon_after_each_other_goes_together() -> None:
    async def story() -> None:
        collector = FakeCollector()
        async with sending(collector) as outbound:
            outbound.put(1)
            outbound.put(2)
            await asyncio.sleep(0.5)
            outbound.put(3)
            assert not collector.taken
            await asyncio.sleep(0.6)
            assert collector.taken == [[1, 2, 3]]

    leaping(story())


def test_a_full_batch_does_not_wait() -> None:
    async def story() -> None:
        collector = FakeCollector()
        async with sending(collector) as outbound:
            for item in range(5):
                outbound.put(item)
            await asyncio.sleep(0.1)
            assert collector.taken == [[0, 1, 2, 3]]
        assert collector.taken == [[0, 1, 2, 3], [4]], "and at the end the rest goes too"
        assert outbound.counts == OutboundCounts(sent=5)

    leaping(story())


def test_threads_may_put_things_too() -> None:
    async def story() -> None:
        collector = FakeCollector()
        async with sending(collector) as outbound:
            threads = [Thread(target=outbound.put, args=(item,)) for item in range(4)]
            for thread in threads:
                thread.start()
                thread.join()
            await asyncio.sleep(0.1)
            assert collector.taken == [[0, 1, 2, 3]]

    leaping(story())


def test_a_batch_that_is_not_taken_comes_again_after_growing_pauses() -> None:
    async def story() -> list[float]:
        collector = FakeCollector(*[DOWN] * 8)
        async with sending(collector) as outbound:
            outbound.put(1)
            await asyncio.sleep(LONG_S)
            assert collector.taken == [[1]]
            assert outbound.counts == OutboundCounts(sent=1)
        return collector.tries_at_s

    tries_at_s = leaping(story())
    pauses_s = [later - earlier for earlier, later in pairwise(tries_at_s)]
    for pause_s, about_s in zip(pauses_s, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert 0.7 * about_s < pause_s < 1.3 * about_s


def test_meanwhile_the_newest_are_kept_and_the_oldest_lost() -> None:
    async def story() -> None:
        collector = FakeCollector(*[DOWN] * 3)
        async with sending(collector) as outbound:
            for item in range(30):
                outbound.put(item)
                await asyncio.sleep(0.1)
            assert outbound.counts.waiting <= SETTINGS.most_waiting
            await asyncio.sleep(LONG_S)
        assert [item for batch in collector.taken for item in batch][-10:] == list(range(20, 30))
        counts = outbound.counts
        assert counts.sent + counts.lost == 30
        assert counts.lost > 0

    leaping(story())


def test_what_will_never_be_taken_is_lost_at_once_and_the_next_is_tried() -> None:
    async def story() -> None:
        collector = FakeCollector(WRONG)
        async with sending(collector) as outbound:
            for item in range(8):
                outbound.put(item)
            await asyncio.sleep(0.1)
            assert collector.taken == [[4, 5, 6, 7]]
            assert outbound.counts == OutboundCounts(sent=4, lost=4)

    leaping(story())


def test_of_a_batch_only_what_was_rejected_counts_as_lost() -> None:
    async def story() -> None:
        async with sending(FakeCollector(NotTaken("1 was rejected", may_come_again=False, items=1))) as outbound:
            for item in range(4):
                outbound.put(item)
            await asyncio.sleep(0.1)
            assert outbound.counts == OutboundCounts(sent=3, lost=1)

    leaping(story())


def test_one_who_never_answers_is_given_up_and_asked_again() -> None:
    async def story() -> None:
        collector = FakeCollector(takes_s=3600.0)
        async with sending(collector) as outbound:
            outbound.put(1)
            await asyncio.sleep(30)
            assert len(collector.tries_at_s) > 1
            collector.takes_s = 0.0
            await asyncio.sleep(60)
            assert collector.taken == [[1]]

    leaping(story())


def test_one_warning_when_it_begins_and_one_line_when_it_is_over() -> None:
    async def story() -> list[tuple[str, str]]:
        with capture_logs() as lines:
            collector = FakeCollector(*[DOWN] * 5, WRONG, *[DOWN] * 3)
            async with sending(collector) as outbound:
                for item in range(20):
                    outbound.put(item)
                    await asyncio.sleep(20)
        assert lines[0]["reason"] == "nobody listens"
        assert lines[0]["to"] == "there:4318"
        return [(line["log_level"], line["event"]) for line in lines]

    assert leaping(story()) == [("warning", "telemetry cannot be sent"), ("info", "telemetry is sent again")]


def test_more_than_can_be_sent_is_said_once_however_long_it_lasts() -> None:
    async def story() -> list[str]:
        with capture_logs() as lines:
            async with sending(FakeCollector(takes_s=1.0)) as outbound:
                for item in range(1_000):
                    outbound.put(item)
                    await asyncio.sleep(0.05)
                await asyncio.sleep(60)
                outbound.put(1_000)
                await asyncio.sleep(60)
        return [line["event"] for line in lines]

    assert leaping(story()) == ["more telemetry comes than can be sent", "telemetry is sent again"]


def test_a_batch_that_cannot_be_encoded_is_lost_and_logged_and_the_others_go() -> None:
    async def story() -> None:
        with capture_logs() as lines:
            collector = FakeCollector(KeyError("a bug"))
            async with sending(collector) as outbound:
                for item in range(8):
                    outbound.put(item)
                await asyncio.sleep(0.1)
                assert collector.taken == [[4, 5, 6, 7]]
        assert lines[0]["event"] == "telemetry could not be encoded"
        assert lines[0]["log_level"] == "error"

    leaping(story())


def test_a_node_that_stops_waits_for_nobody_longer_than_its_last_words_take() -> None:
    async def story(collector: FakeCollector) -> float:
        loop = asyncio.get_running_loop()
        async with sending(collector) as outbound:
            for item in range(10):
                outbound.put(item)
            await asyncio.sleep(25)
            stopped_at_s = loop.time()
        return loop.time() - stopped_at_s

    assert leaping(story(FakeCollector(takes_s=3600.0))) <= SETTINGS.last_words_s
    assert leaping(story(FakeCollector(*[DOWN] * 1_000))) < 0.1, "one try tells that nobody is there"


def test_what_waits_goes_at_the_end_even_between_two_tries() -> None:
    async def story() -> None:
        collector = FakeCollector(*[DOWN] * 6)
        async with sending(collector) as outbound:
            for item in range(4):
                outbound.put(item)
            await asyncio.sleep(50)
            collector.script.clear()
        assert collector.taken == [[0, 1, 2, 3]]

    leaping(story())
