"""The engine means what the naive evaluator means, over random schemas, data, context and questions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.check_many
import engine.walk
from engine.check import check
from engine.check_many import check_many
from engine.outcomes import ALLOWED, DENIED, FAILED, Outcome
from engine.plan import Plan
from model.check import CheckAnswer, CheckRequest, Verdict
from model.errors import AuthzError
from model.snapshot import Snapshot
from model.tuples import EntityRef
from schema.compiled import CompiledSchema
from schema.compiler import compile_schema
from storage.base import SnapshotReader
from tests.support.cases import IDS, TYPES, Case, cases
from tests.support.memory_reader import MemoryReader
from tests.support.naive import NaiveEvaluator

DEEP = 10_000
Ask = Callable[[SnapshotReader, Plan, Snapshot, CheckRequest], Awaitable[tuple[CheckAnswer, ...]]]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(max_examples=500, deadline=None)
@given(case=cases())
def test_the_engine_agrees_with_the_naive_evaluator(runner: asyncio.Runner, case: Case) -> None:
    for question in case.questions:
        alone = replace(case, questions=(question,))
        assert runner.run(_outcomes(alone, DEEP)) == _naive(alone, depth=None)


@settings(max_examples=300, deadline=None)
@given(case=cases(), depth=st.integers(0, 8))
def test_a_bound_on_depth_turns_answers_into_errors_but_never_into_other_answers(
    runner: asyncio.Runner, case: Case, depth: int
) -> None:
    for question in case.questions:
        alone = replace(case, questions=(question,))
        (outcome,) = runner.run(_outcomes(alone, depth))
        (within,), (unbounded,) = _naive(alone, depth=depth), _naive(alone, depth=None)
        assert outcome in (FAILED, unbounded)
        assert within in (FAILED, outcome)


@settings(max_examples=300, deadline=None)
@given(case=cases())
def test_questions_asked_together_are_answered_as_if_asked_alone(runner: asyncio.Runner, case: Case) -> None:
    assert runner.run(_outcomes(case, DEEP)) == _naive(case, depth=None)


@settings(max_examples=300, deadline=None)
@given(case=cases())
def test_questions_of_one_sort_are_answered_as_if_asked_alone(runner: asyncio.Runner, case: Case) -> None:
    entities = [EntityRef(kind, entity_id) for kind in TYPES for entity_id in (*IDS, "unheard-of")]
    questions = tuple(replace(question, entity=entity) for question in case.questions for entity in entities)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.check_many, "MANY", 2)
        together = replace(case, questions=questions)
        answers = runner.run(_answers(together, DEEP, check_many))
    assert [_outcome(answer) for answer in answers] == _naive(together, depth=None)


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_the_failure_that_speaks_does_not_depend_on_what_is_read_together(runner: asyncio.Runner, case: Case) -> None:
    in_big_batches = runner.run(_answers(case, DEEP))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.walk, "NODES_PER_BATCH", 1)
        one_by_one = runner.run(_answers(case, DEEP))
    assert [str(answer.outcome) for answer in one_by_one] == [str(answer.outcome) for answer in in_big_batches]


async def _outcomes(case: Case, depth: int) -> list[Outcome]:
    return [_outcome(answer) for answer in await _answers(case, depth)]


async def _answers(case: Case, depth: int, ask: Ask = check) -> tuple[CheckAnswer, ...]:
    plan = Plan(_compiled(case.schema))
    reader = MemoryReader(case.tuples, case.attributes)
    request = CheckRequest("t1", case.questions, depth, context=case.context)
    return await ask(reader, plan, Snapshot.at_commit(1), request)


def _naive(case: Case, depth: int | None) -> list[Outcome]:
    naive = NaiveEvaluator(_compiled(case.schema), case.tuples, case.attributes, case.context, depth)
    return [naive.outcome(question) for question in case.questions]


def _outcome(answer: CheckAnswer) -> Outcome:
    if isinstance(answer.outcome, AuthzError):
        return FAILED
    return ALLOWED if answer.outcome is Verdict.ALLOWED else DENIED


@lru_cache(maxsize=4)
def _compiled(schema: str) -> CompiledSchema:
    return compile_schema(schema)
