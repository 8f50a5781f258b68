"""Equal questions at the same time are looked into once, and nobody's leaving is anybody else's loss."""

from __future__ import annotations

import asyncio

import pytest

from cluster.invoker.flights import Flights
from model.errors import AuthzError, Unavailable


class Looking:
    """Something to look into; it takes until ``found`` or ``failed`` is called."""

    def __init__(self) -> None:
        self.times = 0
        self._outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def look(self) -> str:
        self.times += 1
        return await asyncio.shield(self._outcome)

    def found(self, answer: str) -> None:
        self._outcome.set_result(answer)

    def failed(self, error: BaseException) -> None:
        self._outcome.set_exception(error)


async def under_way(count: int, flights: Flights[str, str], looking: Looking) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(flights.join("key", looking.look)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_all_who_ask_meanwhile_share_one_look() -> None:
    flights: Flights[str, str] = Flights()
    looking = Looking()
    tasks = await under_way(5, flights, looking)
    assert len(flights) == 1
    looking.found("yes")
    assert await asyncio.gather(*tasks) == ["yes"] * 5
    assert (looking.times, len(flights)) == (1, 0)


async def test_other_keys_are_other_flights() -> None:
    flights: Flights[str, str] = Flights()
    looking = Looking()
    looking.found("yes")
    assert await flights.join("one", looking.look) == "yes"
    assert await flights.join("two", looking.look) == "yes"
    assert looking.times == 2


async def test_a_failure_is_everybodys_and_forgotten_at_once() -> None:
    flights: Flights[str, str] = Flights()
    looking = Looking()
    tasks = await under_way(3, flights, looking)
    looking.failed(Unavailable("no"))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, AuthzError) for outcome in outcomes)
    again = Looking()
    again.found("yes")
    assert await flights.join("key", again.look) == "yes"


async def test_a_bug_is_met_by_everybody_for_himself() -> None:
    flights: Flights[str, str] = Flights()
    looking = Looking()
    tasks = await under_way(3, flights, looking)
    looking.failed(ZeroDivisionError())
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, ZeroDivisionError) for outcome in outcomes)
    assert looking.times == 3


@pytest.mark.parametrize("leaving", [0, 1, 2])
async def test_whoever_leaves_the_others_get_their_answer(leaving: int) -> None:
    flights: Flights[str, str] = Flights()
    looking = Looking()
    tasks = await under_way(3, flights, looking)
    tasks[leaving].cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    looking.found("yes")
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes.pop(leaving), asyncio.CancelledError)
    assert outcomes == ["yes", "yes"]
    assert looking.times == (2 if leaving == 0 else 1)
    assert len(flights) == 0


async def test_when_all_leave_nothing_is_left() -> None:
    flights: Flights[str, str] = Flights()
    looking = Looking()
    tasks = await under_way(3, flights, looking)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(flights) == 0


async def test_who_looks_and_who_waits_is_counted() -> None:
    flights: Flights[str, str] = Flights()
    looking = Looking()
    tasks = await under_way(5, flights, looking)
    looking.found("yes")
    await asyncio.gather(*tasks)
    await flights.join("another", looking.look)
    assert (flights.flown, flights.joined) == (2, 4)
