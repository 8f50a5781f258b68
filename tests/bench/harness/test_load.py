"""The load: what counts as sent, completed, wrong, dropped and late, and that a stall is charged to the server."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator

import pytest

from bench.harness.load import LOOKED_AT, UNANSWERED, WRONG, Outcome, Requests, ask_all, drive
from bench.harness.ports import CallFailed, Reply, Request
from bench.harness.schedule import ClosedLoop, OpenLoop


class Fake:
    """A connection. takes_s: each answer. stall: from when on, for how long, in seconds since the first call.

    failing: bodies that are answered by an error. never: bodies that are never answered.
    """

    def __init__(
        self,
        *,
        takes_s: float = 0.0,
        stall: tuple[float, float] = (0, 0),
        failing: frozenset[bytes] = frozenset(),
        never: frozenset[bytes] = frozenset(),
    ) -> None:
        self.asked: list[bytes] = []
        self.is_asked = asyncio.Event()
        self.open = self.most_open = 0
        self._takes_s, self._stall, self._failing, self._never = takes_s, stall, failing, never
        self._first_s = 0.0

    async def call(self, request: Request) -> Reply:
        self._first_s = self._first_s or time.monotonic()
        self.asked.append(request.body)
        self.is_asked.set()
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            begins_s, lasts_s = self._stall
            into_s = time.monotonic() - self._first_s - begins_s
            await asyncio.sleep(self._takes_s + (lasts_s - into_s if 0 <= into_s < lasts_s else 0))
            if request.body in self._failing:
                raise CallFailed("UNAVAILABLE", "no")
            if request.body in self._never:
                await asyncio.Event().wait()
        finally:
            self.open -= 1
        return (request.body,)


def endless(*, is_timed: bool = True) -> Iterator[Request]:
    return (Request("/m", str(number).encode(), timed=is_timed) for number in itertools.count())


STALL = (0.3, 0.2)  # in a stretch of a second it meets a fifth of all who come at a constant rate


async def test_an_open_loop_charges_a_stall_to_everybody_who_came_meanwhile() -> None:
    outcome = await drive(Fake(stall=STALL), endless(), OpenLoop(100, "constant"), 1.0)
    assert outcome.completed == outcome.sent == 100
    assert outcome.latency.percentile_ms(50) < 50
    assert 70 < outcome.latency.percentile_ms(90) < 140  # one in ten waited for more than half of it
    assert outcome.latency.percentile_ms(99) >= 180


async def test_a_closed_loop_hides_the_same_stall_which_is_why_there_are_open_ones() -> None:
    outcome = await drive(Fake(takes_s=0.001, stall=STALL), endless(), ClosedLoop(1), 1.0)
    assert outcome.latency.max_ms >= 150
    assert outcome.latency.percentile_ms(99) < 50


async def test_a_generator_that_is_late_says_so_and_counts_from_the_intended_start() -> None:
    async with asyncio.TaskGroup() as group:
        driven = group.create_task(drive(Fake(), endless(), OpenLoop(100, "constant"), 0.6))
        await asyncio.sleep(0.3)
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is meant to be held up
    outcome = driven.result()
    assert outcome.sent == outcome.completed == 60
    assert outcome.lateness.percentile_ms(99) > 150
    assert outcome.latency.percentile_ms(99) > 150


async def test_requests_leave_when_they_are_meant_to() -> None:
    outcome = await drive(Fake(), endless(), OpenLoop(200), 1.0)
    assert outcome.lateness.percentile_ms(50) < 1.5  # timers of event loops are a millisecond late, on average half
    assert outcome.ended_s - outcome.began_s == pytest.approx(1.0, abs=0.1)


async def test_beyond_the_bound_requests_are_dropped_and_counted_as_meant() -> None:
    connection = Fake(takes_s=10)
    outcome = await drive(connection, endless(), OpenLoop(100, "constant", most_open=5), 0.2, give_up_s=0.1)
    assert (outcome.sent, outcome.dropped, outcome.completed) == (20, 15, 0)
    assert outcome.errors == {UNANSWERED: 5}
    assert (connection.most_open, connection.open) == (5, 0)


async def test_errors_count_by_status_and_have_no_latency() -> None:
    connection = Fake(failing=frozenset({b"1", b"3"}), never=frozenset({b"2"}))
    outcome = await drive(connection, itertools.islice(endless(), 5), ClosedLoop(5), 0.1, give_up_s=0.1)
    assert outcome.errors == {"UNAVAILABLE": 2, UNANSWERED: 1}
    assert (outcome.sent, outcome.completed, outcome.latency.count) == (5, 2, 2)


async def test_wrong_answers_are_found_and_not_completed() -> None:
    requests = (Request("/m", b"x", check=lambda _: False) for _ in range(3))
    rights = (Request("/m", b"x", check=lambda reply: reply == (b"x",)) for _ in range(4))
    outcome = await drive(Fake(), itertools.chain(requests, rights), ClosedLoop(2), 5.0)
    assert (outcome.sent, outcome.completed, outcome.errors) == (7, 4, {WRONG: 3})


async def test_only_so_many_answers_are_looked_at_wherever_they_come() -> None:
    looked_at: list[Reply] = []

    def look(reply: Reply) -> bool:
        looked_at.append(reply)
        return True

    requests = (Request("/m", str(number).encode(), check=look) for number in range(5 * LOOKED_AT))
    outcome = await drive(Fake(), requests, ClosedLoop(8), 20.0)
    assert outcome.completed == 5 * LOOKED_AT
    assert len(looked_at) == LOOKED_AT
    late = sum(int(reply[0]) >= 4 * LOOKED_AT for reply in looked_at)
    assert LOOKED_AT // 10 < late < LOOKED_AT // 3


async def test_what_goes_on_beside_is_sent_and_only_its_errors_count() -> None:
    beside = itertools.islice(endless(is_timed=False), 4)
    connection = Fake(failing=frozenset({b"1"}))
    outcome = await drive(connection, beside, ClosedLoop(2), 5.0)
    assert len(connection.asked) == 4
    assert (outcome.sent, outcome.completed, outcome.errors) == (0, 0, {"UNAVAILABLE": 1})


async def test_a_closed_loop_has_as_many_open_as_callers_and_stops_in_time() -> None:
    connection = Fake(takes_s=0.01)
    outcome = await drive(connection, endless(), ClosedLoop(3), 0.3)
    assert connection.most_open == 3
    assert 0.3 <= outcome.ended_s - outcome.began_s < 0.4
    assert outcome.sent == outcome.completed <= 3 * 31


@pytest.mark.parametrize("schedule", [OpenLoop(1_000), ClosedLoop(4)])
async def test_when_cancelled_nothing_is_left_open(schedule: OpenLoop | ClosedLoop) -> None:
    connection = Fake(takes_s=30)
    task = asyncio.ensure_future(drive(connection, endless(), schedule, 30.0))
    await connection.is_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert connection.open == 0


async def test_requests_made_ahead_come_first_and_none_is_lost_or_made_twice() -> None:
    requests = Requests(itertools.islice(endless(), 6))
    requests.prepare(3)
    requests.prepare(4)
    assert [next(requests).body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    requests.prepare(100)
    assert not requests.is_exhausted
    assert [request.body for request in requests] == [b"5"]
    assert requests.is_exhausted


async def test_asking_all_asks_each_once_and_bears_errors() -> None:
    connection = Fake(failing=frozenset({b"4"}))
    await ask_all(connection, itertools.islice(endless(), 10), callers=3)
    assert sorted(connection.asked) == [str(number).encode() for number in range(10)]


async def test_outcomes_join_to_one() -> None:
    one, other = [await drive(Fake(failing=frozenset({b"0"})), endless(), OpenLoop(50, "constant"), 0.1) for _ in "12"]
    both = Outcome.joined([one, other])
    assert (both.sent, both.completed, both.errors) == (10, 8, {"UNAVAILABLE": 2})
    assert (both.began_s, both.ended_s) == (one.began_s, other.ended_s)
    assert both.latency.count == 8
