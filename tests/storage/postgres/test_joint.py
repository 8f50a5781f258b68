"""Questions of many callers asked together: who asks for whom, and what becomes of those whose leader fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from model.errors import Unavailable
from storage.postgres.joint import JointQuestions


class Database:
    """Answers each question by its tenfold, when it is let; None if there are too many at once."""

    def __init__(self, *, most: int = 100) -> None:
        self.asked: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.is_broken = False
        self._most = most

    async def ask(self, questions: Sequence[int]) -> list[int] | None:
        self.asked.append(list(questions))
        await self.open.wait()
        if self.is_broken:
            raise Unavailable("the database is away")
        return [10 * question for question in questions] if len(questions) <= self._most else None


def start(joint: JointQuestions[int, int], *questions: int) -> asyncio.Task[Sequence[int] | None]:
    return asyncio.ensure_future(joint.ask(questions))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_alone_asks_alone() -> None:
    database = Database()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    assert await joint.ask([1, 2]) == [10, 20]
    assert await joint.ask([3]) == [30]
    assert database.asked == [[1, 2], [3]]
    assert joint.is_idle


async def test_who_comes_while_statements_run_is_asked_for_together_with_the_others() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=2, most=10)
    callers = [start(joint, n, n + 100) for n in range(6)]
    await settle()
    assert database.asked == [[0, 100], [1, 101]]
    assert not joint.is_idle
    database.open.set()
    assert [await caller for caller in callers] == [[10 * n, 10 * n + 1000] for n in range(6)]
    assert database.asked[2:] == [[2, 102, 4, 104, 5, 105], [3, 103]]  # the two leads pass to two callers
    assert joint.is_idle


async def test_a_statement_takes_no_more_than_the_bound() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=4)
    callers = [start(joint, n, n + 100) for n in range(6)]
    await settle()
    database.open.set()
    assert [await caller for caller in callers] == [[10 * n, 10 * n + 1000] for n in range(6)]
    assert [len(questions) for questions in database.asked] == [2, 4, 4, 2]


async def test_all_who_asked_together_are_told_that_it_failed_and_the_next_may_ask() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    callers = [start(joint, n) for n in range(4)]
    await settle()
    database.is_broken = True
    database.open.set()
    for caller in callers:
        with pytest.raises(Unavailable):
            await caller
    database.is_broken = False
    assert await joint.ask([7]) == [70]
    assert joint.is_idle


async def test_all_who_asked_together_are_told_that_it_is_too_much() -> None:
    database = Database(most=2)
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    callers = [start(joint, n) for n in range(4)]
    await settle()
    database.open.set()
    assert [await caller for caller in callers] == [[0], None, None, None]


@pytest.mark.parametrize("gone", [{0}, {1}, {3}, {0, 1}, {1, 2}, {0, 1, 2, 3}])
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4])
async def test_whoever_is_cancelled_and_when_the_others_have_their_answers(gone: set[int], steps: int) -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    callers = [start(joint, n) for n in range(4)]
    await settle()
    database.open.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    for number in gone:
        callers[number].cancel()
    done = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 5)
    for number, outcome in enumerate(done):
        assert outcome == [10 * number] or (number in gone and isinstance(outcome, asyncio.CancelledError))
    assert joint.is_idle


async def test_a_leader_cancelled_while_it_asks_for_others_leaves_them_to_the_next() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    callers = [start(joint, n) for n in range(3)]
    await settle()
    callers[0].cancel()
    await settle()
    assert database.asked == [[0], [1, 2]]
    callers[1].cancel()
    await settle()
    assert database.asked == [[0], [1, 2], [2]]
    database.open.set()
    assert await callers[2] == [20]
