"""The workload of the benchmarks: the same for everybody, of the size asked for, and with questions worth asking."""

from __future__ import annotations

import itertools

import pytest

from bench.workload import DRIVE_SCHEMA, DriveWorkload, folder_chain, wide_group
from engine.check import check
from engine.outcomes import ALLOWED, DENIED
from engine.plan import Plan
from model.check import CheckRequest, Question, Verdict
from model.snapshot import Snapshot
from model.tuples import EntityRef, RelationTuple, SubjectRef
from schema.admission import admit_tuple
from schema.compiler import compile_schema
from tests.support.memory_reader import MemoryReader
from tests.support.naive import NaiveEvaluator

SMALL = DriveWorkload(size=300, seed=5)
SCHEMA = compile_schema(DRIVE_SCHEMA)


def test_equal_seeds_give_equal_data_and_equal_questions() -> None:
    one, other = DriveWorkload(size=2_000, seed=3), DriveWorkload(size=2_000, seed=3)
    assert list(one.tuples()) == list(other.tuples())
    assert list(one.questions(200)) == list(other.questions(200))


def test_the_first_questions_do_not_depend_on_how_many_are_asked() -> None:
    assert list(SMALL.questions(50)) == list(itertools.islice(SMALL.questions(100), 50))


def test_another_seed_gives_other_data_and_other_questions() -> None:
    one, other = DriveWorkload(size=2_000, seed=3), DriveWorkload(size=2_000, seed=4)
    assert set(one.tuples()) != set(other.tuples())
    assert list(one.questions(50)) != list(other.questions(50))


@pytest.mark.parametrize("size", [1_000, 5_000, 30_000])
@pytest.mark.parametrize("seed", [1, 2])
def test_there_are_about_as_many_tuples_as_asked_for_and_none_twice(size: int, seed: int) -> None:
    tuples = list(DriveWorkload(size, seed).tuples())
    assert len(tuples) == pytest.approx(size, rel=0.1)
    assert len(tuples) == len(set(tuples))


@pytest.mark.parametrize("size", [1, 300, 5_000])
def test_the_schema_admits_all_tuples(size: int) -> None:
    for row in (*DriveWorkload(size).tuples(), *folder_chain(10), *wide_group(10)):
        admit_tuple(SCHEMA, row)


def test_questions_are_about_documents_there_are_and_none_is_asked_twice() -> None:
    documents = {row.entity for row in SMALL.tuples() if row.entity_type == "document"}
    questions = list(SMALL.questions(300))
    assert {question.entity for question in questions} <= documents
    assert {question.permission for question in questions} == {"view", "edit", "sign"}
    assert len({(question.entity, question.subject) for question in questions}) == len(questions) == 300


async def test_engine_and_naive_evaluator_allow_some_and_deny_some_and_agree() -> None:
    tuples, questions = list(SMALL.tuples()), list(SMALL.questions(150))
    naive = NaiveEvaluator(SCHEMA, tuples)
    expected = [naive.outcome(question) for question in questions]
    assert await outcomes(tuples, questions) == expected
    for permission in ("view", "edit", "sign"):
        seen = {outcome for outcome, asked in zip(expected, questions, strict=True) if asked.permission == permission}
        assert seen == {ALLOWED, DENIED}, permission


async def test_whoever_owns_the_outermost_folder_may_edit_the_innermost_of_a_chain() -> None:
    tuples = list(folder_chain(20))
    assert len(tuples) == 21
    questions = [Question(EntityRef("folder", "deep20"), "edit", SubjectRef("user", user)) for user in ("top", "other")]
    assert await outcomes(tuples, questions) == [ALLOWED, DENIED]


async def test_every_member_of_the_wide_group_may_view_its_document() -> None:
    tuples = list(wide_group(50))
    assert len(tuples) == 51
    users = ("m0", "m49", "m50")
    questions = [Question(EntityRef("document", "wide"), "view", SubjectRef("user", user)) for user in users]
    assert await outcomes(tuples, questions) == [ALLOWED, ALLOWED, DENIED]


async def outcomes(tuples: list[RelationTuple], questions: list[Question]) -> list[int]:
    """What the engine answers, without any bound on depth."""
    request = CheckRequest("t1", questions, depth=10_000)
    answers = await check(MemoryReader(tuples), Plan(SCHEMA), Snapshot.at_commit(1), request)
    return [ALLOWED if answer.verdict() is Verdict.ALLOWED else DENIED for answer in answers]
