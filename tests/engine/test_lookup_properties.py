"""Lookups mean what checks mean: over random schemas, data and context, each list equals asking about everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lookup_entities import lookup_entities
from engine.lookup_subjects import lookup_subjects
from engine.outcomes import ALLOWED, FAILED
from engine.plan import Plan
from model.check import Question
from model.errors import AuthzError
from model.lookup import EntitiesRequest, SubjectsRequest
from model.snapshot import Snapshot
from model.tuples import EntityRef, SubjectRef
from schema.compiled import CompiledSchema
from schema.compiler import compile_schema
from tests.support.cases import IDS, PERMISSIONS, RELATIONS, TYPES, Case, cases
from tests.support.memory_reader import MemoryReader
from tests.support.naive import NaiveEvaluator

DEEP = 10_000
FAILURE = "failed"
MEMBERS = st.sampled_from([*PERMISSIONS, *RELATIONS, "flag"])
ROOMY, NARROW = 1_000_000, 1


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(max_examples=250, deadline=None)
@given(case=cases(), name=MEMBERS, longest_stretch=st.sampled_from([ROOMY, NARROW]))
def test_looking_up_entities_is_checking_every_entity(
    runner: asyncio.Runner, case: Case, name: str, longest_stretch: int
) -> None:
    for subject in {question.subject for question in case.questions}:
        for kind in TYPES:
            expected = _entities_one_by_one(case, kind, name, subject)
            assert runner.run(_entities(case, kind, name, subject, longest_stretch)) == expected


@settings(max_examples=150, deadline=None)
@given(case=cases(), name=MEMBERS, size=st.integers(1, 2))
def test_pages_joined_are_the_whole_list(runner: asyncio.Runner, case: Case, name: str, size: int) -> None:
    subject = case.questions[0].subject
    whole = runner.run(_entities(case, "doc", name, subject, ROOMY))
    assert _joined(runner, size, lambda beyond: _entities(case, "doc", name, subject, ROOMY, beyond=beyond)) == whole
    entity = EntityRef("doc", "a")
    whole = runner.run(_subjects(case, entity, name, ("user", ""), ROOMY))
    pages = _joined(runner, size, lambda beyond: _subjects(case, entity, name, ("user", ""), ROOMY, beyond=beyond))
    assert pages == whole


def _joined(runner: asyncio.Runner, size: int, page: Callable[[str], Coroutine[Any, Any, list[str]]]) -> list[str]:
    """The whole list, read so many ids at a time; a failure ends it where it stands."""
    found: list[str] = []
    while following := runner.run(page(found[-1] if found else ""))[:size]:
        found += following
        if found[-1] == FAILURE:
            break
    return found


SORTS = st.sampled_from([("user", ""), ("user", ""), ("doc", ""), ("group", "member"), ("doc", "view")])


@settings(max_examples=250, deadline=None)
@given(case=cases(), name=MEMBERS, sort=SORTS, longest_stretch=st.sampled_from([ROOMY, NARROW]))
def test_looking_up_subjects_is_checking_every_subject(
    runner: asyncio.Runner, case: Case, name: str, sort: tuple[str, str], longest_stretch: int
) -> None:
    for kind in TYPES:
        for entity_id in IDS:
            entity = EntityRef(kind, entity_id)
            found = runner.run(_subjects(case, entity, name, sort, longest_stretch))
            expected = _subjects_one_by_one(case, entity, name, sort, _known_subjects(case, sort))
            if not sort[1]:
                assert found == expected
            elif FAILURE not in expected:
                # a userset is in itself, whether a tuple names it or not
                assert set(expected) <= set(found)
                assert set(found) <= set(_subjects_one_by_one(case, entity, name, sort, set(IDS))) | {FAILURE}


async def _subjects(
    case: Case, entity: EntityRef, name: str, sort: tuple[str, str], longest_stretch: int, *, beyond: str = ""
) -> list[str]:
    reader = MemoryReader(case.tuples, case.attributes)
    reader.longest_stretch = longest_stretch
    request = SubjectsRequest("t1", entity, name, *sort, beyond, context=case.context)
    plan = Plan(_compiled(case.schema))
    return await _until_failure(lookup_subjects(reader, plan, Snapshot.at_commit(1), request, about=1000))


def _subjects_one_by_one(
    case: Case, entity: EntityRef, name: str, sort: tuple[str, str], subjects: set[str]
) -> list[str]:
    naive = NaiveEvaluator(_compiled(case.schema), case.tuples, case.attributes, case.context)
    found: list[str] = []
    for subject in sorted(subjects):
        outcome = naive.outcome(Question(entity, name, SubjectRef(sort[0], subject, sort[1])))
        if outcome == FAILED:
            return [*found, FAILURE]
        if outcome == ALLOWED:
            found.append(subject)
    return found


def _known_subjects(case: Case, sort: tuple[str, str]) -> set[str]:
    rows = (*case.tuples, *case.context.tuples)
    return {row.subject_id for row in rows if (row.subject_type, row.subject_relation) == sort}


async def _entities(
    case: Case, kind: str, name: str, subject: SubjectRef, longest_stretch: int, *, beyond: str = ""
) -> list[str]:
    reader = MemoryReader(case.tuples, case.attributes)
    reader.longest_stretch = longest_stretch
    request = EntitiesRequest("t1", kind, name, subject, DEEP, beyond=beyond, context=case.context)
    plan = Plan(_compiled(case.schema))
    return await _until_failure(lookup_entities(reader, plan, Snapshot.at_commit(1), request, about=1000))


def _entities_one_by_one(case: Case, kind: str, name: str, subject: SubjectRef) -> list[str]:
    """What checking each entity in order gives, up to the first failure."""
    naive = NaiveEvaluator(_compiled(case.schema), case.tuples, case.attributes, case.context)
    found: list[str] = []
    for entity in sorted({*_known(case, kind), *([subject.id] if subject.type == kind else [])}):
        outcome = naive.outcome(Question(EntityRef(kind, entity), name, subject))
        if outcome == FAILED:
            return [*found, FAILURE]
        if outcome == ALLOWED:
            found.append(entity)
    return found


async def _until_failure(ids: AsyncIterator[str]) -> list[str]:
    found: list[str] = []
    try:
        async for one in ids:
            found.append(one)  # noqa: PERF401 - what came before a failure counts
    except AuthzError:
        found.append(FAILURE)
    return found


def _known(case: Case, kind: str) -> set[str]:
    rows = (*case.tuples, *case.context.tuples)
    attributes = (*case.attributes, *case.context.attributes)
    return {
        *(row.entity_id for row in rows if row.entity_type == kind),
        *(row.subject_id for row in rows if row.subject_type == kind),
        *(attribute.entity_id for attribute in attributes if attribute.entity_type == kind),
    }


@lru_cache(maxsize=4)
def _compiled(schema: str) -> CompiledSchema:
    return compile_schema(schema)
