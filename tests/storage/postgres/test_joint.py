"""Questions of many callers asked together: who asks for whom, and what becomes of those whose leader fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from model.errors import Unavailable
from storage.postgres.joint import JointQuestions, JointReads


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


Asking = asyncio.Task[Sequence[int] | None]


def start(joint: JointQuestions[int, int], *questions: int) -> Asking:
    return asyncio.ensure_future(joint.ask(questions))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def started_one_by_one(joint: JointQuestions[int, int], *askers: Sequence[int]) -> list[Asking]:
    """Each asks once the one before has been dealt with."""
    callers = []
    for questions in askers:
        callers.append(start(joint, *questions))
        await settle()
    return callers


async def test_who_comes_alone_asks_alone() -> None:
    database = Database()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    assert await joint.ask([1, 2]) == [10, 20]
    assert await joint.ask([3]) == [30]
    assert database.asked == [[1, 2], [3]]
    assert joint.is_idle


async def test_all_who_come_in_one_turn_of_the_loop_ask_together() -> None:
    database = Database()
    joint = JointQuestions(database.ask, at_once=2, most=10)
    callers = [start(joint, n) for n in range(6)]
    assert [await caller for caller in callers] == [[10 * n] for n in range(6)]
    assert database.asked == [[0, 1, 2, 3, 4, 5]]
    assert joint.is_idle


async def test_who_goes_on_from_an_answer_asks_together_with_those_who_waited() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=10)

    async def twice(first: int, second: int) -> None:
        await joint.ask([first])
        await joint.ask([second])

    callers = [asyncio.ensure_future(twice(n, n + 100)) for n in range(3)]
    await settle()
    late = start(joint, 7)
    await settle()
    database.open.set()
    await asyncio.gather(*callers, late)
    assert [sorted(questions) for questions in database.asked] == [[0, 1, 2], [7, 100, 101, 102]]


async def test_who_comes_while_statements_run_is_asked_for_together_with_the_others() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=2, most=10)
    callers = await started_one_by_one(joint, *((n, n + 100) for n in range(6)))
    assert database.asked == [[0, 100], [1, 101]]
    assert not joint.is_idle
    database.open.set()
    assert [await caller for caller in callers] == [[10 * n, 10 * n + 1000] for n in range(6)]
    assert database.asked[2:] == [[2, 102, 3, 103, 4, 104, 5, 105]]
    assert joint.is_idle


async def test_a_statement_takes_no_more_than_the_bound() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=4)
    callers = await started_one_by_one(joint, *((n, n + 100) for n in range(6)))
    database.open.set()
    assert [await caller for caller in callers] == [[10 * n, 10 * n + 1000] for n in range(6)]
    assert [len(questions) for questions in database.asked] == [2, 4, 4, 2]


async def test_those_for_whom_there_is_no_room_are_asked_for_at_once_if_another_statement_may_run() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=2, most=2)
    callers = [start(joint, n) for n in range(5)]
    await settle()
    assert database.asked == [[0, 1], [2, 3]]
    database.open.set()
    assert [await caller for caller in callers] == [[10 * n] for n in range(5)]
    assert database.asked == [[0, 1], [2, 3], [4]]
    assert joint.is_idle


async def test_the_bound_may_be_of_something_other_than_questions() -> None:
    database = Database()
    joint: JointQuestions[int, int] = JointQuestions(database.ask, at_once=1, most=10, size_of=sum)
    callers = [start(joint, n) for n in (6, 5, 4, 30)]
    assert [await caller for caller in callers] == [[60], [50], [40], [300]]
    assert database.asked == [[6], [5, 4], [30]]


async def test_all_who_asked_together_are_told_that_it_failed_and_the_next_may_ask() -> None:
    database = Database()
    database.open.clear()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    callers = await started_one_by_one(joint, *([n] for n in range(4)))
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
    callers = await started_one_by_one(joint, *([n] for n in range(4)))
    database.open.set()
    assert [await caller for caller in callers] == [[0], None, None, None]


@pytest.mark.parametrize("gone", [{0}, {1}, {3}, {0, 1}, {1, 2}, {0, 1, 2, 3}])
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("first", [True, False])
async def test_whoever_is_cancelled_and_when_the_others_have_their_answers(
    gone: set[int], steps: int, first: bool
) -> None:
    database = Database()
    joint = JointQuestions(database.ask, at_once=1, most=10)
    if first:  # nothing has been asked yet, and all ask together
        callers = [start(joint, n) for n in range(4)]
    else:  # the first asks alone, the others wait
        database.open.clear()
        callers = await started_one_by_one(joint, *([n] for n in range(4)))
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
    callers = await started_one_by_one(joint, [0], [1], [2])
    callers[0].cancel()
    await settle()
    assert database.asked == [[0], [1, 2]]
    callers[1].cancel()
    await settle()
    assert database.asked == [[0], [1, 2], [2]]
    database.open.set()
    assert await callers[2] == [20]


async def test_each_key_is_asked_for_apart_and_forgotten_when_nobody_asks() -> None:
    asked: list[tuple[str, list[int]]] = []

    async def ask(key: str, questions: Sequence[int]) -> list[str]:
        asked.append((key, list(questions)))
        await asyncio.sleep(0)
        return [f"{key}{question}" for question in questions]

    reads: JointReads[str, int, str] = JointReads(ask, at_once=1, most=10)
    answers = await asyncio.gather(*(reads.ask(key, [n]) for n in range(3) for key in "ab"))
    assert answers == [["a0"], ["b0"], ["a1"], ["b1"], ["a2"], ["b2"]]
    assert asked == [("a", [0, 1, 2]), ("b", [0, 1, 2])]
    assert not reads._joint
