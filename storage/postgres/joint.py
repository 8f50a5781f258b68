"""Questions of many callers asked together: one statement costs little more for fifty than for one.

Nobody waits for company longer than the loop takes to give everybody else who is ready a turn. Who asks while few
statements run asks then; who comes while they run gathers, and the next statement takes all who have gathered. So the
busier the store, the larger its statements, and an idle one answers alone.

No task of its own does the asking: one of those gathered leads, asks for all, and passes the lead on. A leader who is
cancelled puts the others back first; a lead is always held by a running caller, by a waiter it was given to who has not
yet run, or is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from model.errors import AuthzError

K = TypeVar("K")
Q = TypeVar("Q")
A = TypeVar("A")

Ask = Callable[[Sequence[Q]], Awaitable[Sequence[A] | None]]
"""Answers aligned with the questions; None if they are too much to be answered together."""


class _Waiter(Generic[Q, A]):
    """One caller's questions. lead: given with the answers missing, it means: ask for all who wait."""

    __slots__ = ("outcome", "questions")

    def __init__(self, questions: Sequence[Q]) -> None:
        self.questions = questions
        self.outcome: asyncio.Future[Sequence[A] | _Lead | None] = asyncio.get_running_loop().create_future()


class _Lead:
    """What a waiter is given instead of answers: the right to ask."""


_LEAD = _Lead()


class JointQuestions(Generic[Q, A]):
    """Questions that may be asked together: reads of one tenant at one snapshot, or heads.

    at_once: how many statements may run at the same time; more use more of the database's cores and share less. most:
    the size of what one statement takes, unless a single caller has more. size_of: by default how many questions it is.
    """

    def __init__(self, ask: Ask[Q, A], *, at_once: int, most: int, size_of: Callable[[Sequence[Q]], int] = len) -> None:
        self._ask = ask
        self._size_of = size_of
        self._free = at_once
        self._is_leader_waiting = False  # for the turn of the loop to end
        self._at_once = at_once
        self._most = most
        self._gathered: list[_Waiter[Q, A]] = []

    @property
    def is_idle(self) -> bool:
        """True if nothing is being asked and nobody waits."""
        return self._free == self._at_once and not self._gathered

    @property
    def waiting(self) -> int:
        """How many callers wait for the next statement."""
        return len(self._gathered)

    async def ask(self, questions: Sequence[Q]) -> Sequence[A] | None:
        """The answers; None if they, or those of the callers who asked together with this one, are too much at once.

        Raises what asking raises, to all who asked together.
        """
        if self._free and not self._is_leader_waiting:
            self._give_lead()
            return await self._lead(questions)
        waiter: _Waiter[Q, A] = _Waiter(questions)
        self._gathered.append(waiter)
        try:
            outcome = await waiter.outcome
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        return await self._lead(questions) if isinstance(outcome, _Lead) else outcome

    async def _lead(self, questions: Sequence[Q]) -> Sequence[A] | None:
        company = await self._company_of(questions)
        try:
            answers = await self._ask([*questions, *(one for waiter in company for one in waiter.questions)])
        except AuthzError as error:
            for waiter in _still_waiting(company):
                waiter.outcome.set_exception(error)
            raise
        except BaseException:
            self._gathered[:0] = _still_waiting(company)
            raise
        finally:
            self._take_lead_back()
        start = len(questions)
        for waiter in company:
            end = start + len(waiter.questions)
            if not waiter.outcome.done():
                waiter.outcome.set_result(answers and answers[start:end])
            start = end
        return answers and answers[: len(questions)]

    async def _company_of(self, questions: Sequence[Q]) -> list[_Waiter[Q, A]]:
        """Whom to ask for too: those who wait, and those who come before everybody who is ready has had a turn."""
        try:
            await asyncio.sleep(0)
        except BaseException:
            self._is_leader_waiting = False
            self._take_lead_back()
            raise
        self._is_leader_waiting = False
        company = self._take(self._most - self._size_of(questions))
        self._pass_lead_on()  # to those for whom there is no room
        return company

    def _take(self, most: int) -> list[_Waiter[Q, A]]:
        """Those who have waited longest, as many as fit."""
        taken = 0
        for waiter in self._gathered:
            most -= self._size_of(waiter.questions)
            if most < 0:
                break
            taken += 1
        company, self._gathered = self._gathered[:taken], self._gathered[taken:]
        return _still_waiting(company)

    def _give_lead(self) -> None:
        self._free -= 1
        self._is_leader_waiting = True

    def _take_lead_back(self) -> None:
        self._free += 1
        self._pass_lead_on()

    def _pass_lead_on(self) -> None:
        while self._gathered and self._free and not self._is_leader_waiting:
            waiter = self._gathered.pop(0)
            if not waiter.outcome.done():  # cancelled, but not yet run to leave by itself
                waiter.outcome.set_result(_LEAD)
                self._give_lead()

    def _leave(self, waiter: _Waiter[Q, A]) -> None:
        if waiter in self._gathered:
            self._gathered.remove(waiter)
        outcome = waiter.outcome
        if outcome.done() and not outcome.cancelled() and outcome.exception() is None and outcome.result() is _LEAD:
            self._is_leader_waiting = False  # it was given the lead in the moment of being cancelled
            self._take_lead_back()


class JointReads(Generic[K, Q, A]):
    """Joint questions for each of the keys that anybody asks for now, as ``JointQuestions`` has them."""

    def __init__(
        self,
        ask: Callable[[K, Sequence[Q]], Awaitable[Sequence[A] | None]],
        *,
        at_once: int,
        most: int,
        size_of: Callable[[Sequence[Q]], int] = len,
    ) -> None:
        self._ask = ask
        self._bounds = {"at_once": at_once, "most": most}
        self._size_of = size_of
        self._joint: dict[K, JointQuestions[Q, A]] = {}

    async def ask(self, key: K, questions: Sequence[Q]) -> Sequence[A] | None:
        """As ``JointQuestions.ask``, together with others of the same key."""
        joint = self._joint.get(key)
        if joint is None:
            joint = JointQuestions(partial(self._ask, key), **self._bounds, size_of=self._size_of)
            self._joint[key] = joint
        try:
            return await joint.ask(questions)
        finally:
            if joint.is_idle and self._joint.get(key) is joint:
                del self._joint[key]


def _still_waiting(waiters: Sequence[_Waiter[Q, A]]) -> list[_Waiter[Q, A]]:
    return [waiter for waiter in waiters if not waiter.outcome.done()]
