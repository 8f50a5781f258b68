"""Systems that answer alike, and what is told of those that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from bench.harness.ports import Answer, Ask, CallFailed, Check, Connection, LookupEntities, Reply, Request
from bench.harness.verdicts import differences
from bench.harness.workloads.scenario import Scenario
from bench.workload import DriveWorkload
from model.check import Question
from model.tuples import EntityRef, SubjectRef

ANN = SubjectRef("user", "ann")
FIRST, SECOND = (Check(Question(EntityRef("document", name), "view", ANN)) for name in ("d1", "d2"))
LOOKUP = LookupEntities("document", "view", ANN)


@dataclass(frozen=True)
class Told:
    """Answers each ask as it was told; an error is raised."""

    told: Mapping[Ask, Answer | Exception]
    addresses: Sequence[str] = ()
    transport: Literal["grpc", "http"] = "grpc"
    headers: Mapping[str, str] = field(default_factory=dict)

    def connected(self, connections: int) -> AbstractAsyncContextManager[Connection]:  # noqa: ARG002
        return self._connected()

    def request(self, ask: Ask) -> Request:
        return Request(str(ask), b"")

    def answer(self, ask: Ask, reply: Reply) -> Answer:
        assert reply == [str(ask).encode()]
        found = self.told[ask]
        if isinstance(found, ValueError):
            raise found
        assert not isinstance(found, Exception)
        return found

    async def call(self, request: Request) -> Reply:
        for ask, found in self.told.items():
            if str(ask) == request.method and isinstance(found, CallFailed):
                raise found
        return [request.method.encode()]

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        yield self


@dataclass(frozen=True)
class Sampled:
    """A script that has a sample."""

    asked: Sequence[Ask]

    def warm_up(self) -> Iterator[Ask]:
        return iter(())

    def asks(self, *, share: int, shares: int) -> Iterator[Ask]:  # noqa: ARG002
        return iter(())

    def sample(self) -> Iterator[Ask]:
        return iter(self.asked)


async def told(*systems: Sequence[Answer | Exception], asked: Sequence[Ask] = (FIRST, SECOND, LOOKUP)) -> Sequence[str]:
    """The differences of systems s0, s1 …, each with its answers in the order asked."""
    workload = Scenario("any", {}, DriveWorkload(10), Sampled(asked))
    endpoints = {f"s{number}": Told(dict(zip(asked, each, strict=True))) for number, each in enumerate(systems)}
    return await differences(endpoints, workload)


async def test_systems_that_answer_alike_have_no_differences() -> None:
    same = (True, False, frozenset({"d1"}))
    assert await told(same, same, same) == []
    assert await told(same) == []


async def test_a_verdict_that_differs_is_told_with_the_ask_and_who_says_what() -> None:
    (line,) = await told((True, False, frozenset()), (True, True, frozenset()))
    assert "d2" in line
    assert line.endswith("s0 says False, s1 says True")


async def test_lists_that_differ_are_told_though_they_are_equally_long() -> None:
    (line,) = await told((True, True, frozenset({"d1"})), (True, True, frozenset({"d2"})))
    assert line.endswith("s0 says 1 ids, s1 says 1 ids")


async def test_a_failure_is_a_difference_even_if_all_fail() -> None:
    failed = CallFailed("UNAVAILABLE", "away")
    (line,) = await told((failed, True, frozenset()), (failed, True, frozenset()))
    assert line.endswith("s0 says UNAVAILABLE: away, s1 says UNAVAILABLE: away")
    (line,) = await told((True, True, ValueError("no answer")))
    assert line.endswith("s0 says no answer")


async def test_an_answer_all_agree_on_but_the_workload_knows_better_is_a_difference() -> None:
    expected = Check(FIRST.question, expected=False)
    assert len(await told([True], [True], asked=[expected])) == 1
    assert await told([False], [False], asked=[expected]) == []
