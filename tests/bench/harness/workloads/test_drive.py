"""Asks about the drive-like data."""

from __future__ import annotations

from itertools import islice

import pytest

from bench.harness.ports import Check, Write
from bench.harness.workloads.bulk_writes import BulkWrites
from bench.harness.workloads.drive import DriveContexts, DriveLookupsOfDocuments, DriveLookupsOfUsers, DriveQuestions
from bench.harness.workloads.numbers import scrambled, stride_of
from bench.workload import DRIVE_SCHEMA, PERMISSIONS, DriveWorkload
from schema.admission import admit_tuple
from schema.compiler import compile_schema

DRIVE = DriveWorkload(size=300, seed=5)


def all_questions() -> list[Check]:
    numbered = DriveQuestions(DRIVE).numbered()
    asked = (numbered(number) for number in range(DRIVE.users * DRIVE.documents))
    return [ask for ask in asked if ask is not None]


def test_every_document_is_asked_about_by_nearly_every_user_and_never_twice_by_one() -> None:
    pairs = [(ask.question.entity.id, ask.question.subject.id) for ask in all_questions()]
    assert len(set(pairs)) == len(pairs)
    assert 0.8 < len(pairs) / (DRIVE.users * DRIVE.documents) <= 1


def test_there_is_an_end() -> None:
    numbered = DriveQuestions(DRIVE).numbered()
    numbered(DRIVE.users * DRIVE.documents - 1)
    with pytest.raises(IndexError):
        numbered(DRIVE.users * DRIVE.documents)


def test_half_of_the_first_ask_about_what_is_theirs() -> None:
    rows = list(DRIVE.tuples())
    owner = {(row.entity_type, row.entity_id): row.subject_id for row in rows if row.relation == "owner"}
    parent = {(row.entity_type, row.entity_id): row.subject_id for row in rows if row.relation == "parent"}

    def is_theirs(ask: Check) -> bool:
        place: tuple[str, str] | None = (ask.question.entity.type, ask.question.entity.id)
        while place is not None:
            if owner[place] == ask.question.subject.id:
                return True
            place = ("folder", parent[place]) if place in parent else None
        return False

    first = all_questions()[: 2 * DRIVE.documents]
    assert sum(map(is_theirs, first)) / len(first) == pytest.approx(0.5, abs=0.1)


def test_all_permissions_are_asked_about() -> None:
    assert {ask.question.permission for ask in all_questions()} == set(PERMISSIONS)


def test_lookups_come_by_every_user_and_document_before_they_begin_again() -> None:
    users = DriveLookupsOfDocuments(DRIVE).numbered()
    documents = DriveLookupsOfUsers(DRIVE).numbered()
    assert len({users(number) for number in range(DRIVE.users)}) == DRIVE.users
    assert len({documents(number) for number in range(DRIVE.documents)}) == DRIVE.documents
    assert users(DRIVE.users) == users(0)


@pytest.mark.parametrize("tuples", [2, 20])
def test_a_context_has_as_many_tuples_as_told_and_lets_every_other_guest_in(tuples: int) -> None:
    numbered = DriveContexts(DRIVE, tuples).numbered()
    asks = [ask for number in range(40) if (ask := numbered(number)) is not None]
    assert {len(set(ask.context)) for ask in asks} == {tuples}
    assert [ask.expected for ask in asks] == [True, False] * 20


def test_bulk_writes_are_new_of_the_same_shape_and_apart_for_each_process() -> None:
    schema = compile_schema(DRIVE_SCHEMA)
    there = set(DRIVE.tuples())
    asks = [ask for share in range(2) for ask in islice(BulkWrites(100).asks(share=share, shares=2), 120)]
    written = [row for ask in asks if isinstance(ask, Write) for row in ask.tuples]
    assert len(set(written)) == len(written) == 24_000
    assert not there & set(written)
    assert {row.entity_type for row in written} == {"group", "folder", "document"}
    for row in written[::50]:
        admit_tuple(schema, row)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 97, 1_000, 3_001])
def test_a_stride_comes_by_every_number_once(count: int) -> None:
    assert sorted(number * stride_of(count) % count for number in range(count)) == list(range(count))


def test_scrambled_numbers_are_spread_and_always_the_same() -> None:
    assert scrambled(0) == 0xE220A8397B1DCDAF  # the first output of SplitMix64 seeded with 0
    drawn = [scrambled(number) % 10 for number in range(10_000)]
    assert all(900 < drawn.count(digit) < 1_100 for digit in range(10))
