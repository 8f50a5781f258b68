"""A change meets every answer that it changes, and those it does not concern it mostly leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.check_many
from cluster.invoker import dependencies
from cluster.invoker.dependencies import DependencyRecorder, keys_touched_by
from engine.check import check
from engine.check_many import check_many
from engine.plan import Plan
from model.attributes import Attribute
from model.check import CheckAnswer, CheckRequest
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from schema.compiler import compile_schema
from storage.base import EntityRead, HeldBy, Holders, KnownEntities, KnownSubjects, Listing, Wanted, WithAttribute
from tests.support.cases import Case, cases
from tests.support.listings import listed
from tests.support.memory_reader import MemoryReader

ANYWHERE = Snapshot.at_commit(1)
ANN = SubjectRef("user", "ann")


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def touched(*texts: str) -> set[int]:
    return keys_touched_by([RelationTuple.parse(text) for text in texts])


async def keys_of(*reads: EntityRead, listings: Sequence[Listing] = ()) -> frozenset[int]:
    recorder = DependencyRecorder(MemoryReader())
    await recorder.read("t1", ANYWHERE, reads)
    await recorder.list_ids("t1", ANYWHERE, listings, beyond="", about=10)
    return recorder.keys()


def doc(**wanted: tuple[str, ...]) -> EntityRead:
    return EntityRead("doc", "1", ANN, Wanted(**wanted))


@pytest.mark.parametrize(
    ("change", "meets"),
    [
        ("doc:1#viewer@user:ann", True),
        ("doc:1#viewer@user:bob", False),  # a wide relation may grow without end
        ("doc:1#viewer@group:1#member", False),
        ("doc:2#viewer@user:ann", False),
        ("group:1#viewer@user:ann", False),
    ],
)
async def test_a_membership_depends_on_the_subject_alone(change: str, meets: bool) -> None:
    keys = await keys_of(doc(memberships=("viewer",)))
    assert bool(keys & touched(change)) == meets


@pytest.mark.parametrize(
    ("change", "meets"),
    [("doc:1#viewer@group:1#member", True), ("doc:1#viewer@user:ann", False), ("doc:2#viewer@group:1#member", False)],
)
async def test_usersets_depend_on_usersets(change: str, meets: bool) -> None:
    keys = await keys_of(doc(usersets=("viewer",)))
    assert bool(keys & touched(change)) == meets


@pytest.mark.parametrize(
    ("change", "meets"),
    [("doc:1#parent@folder:1", True), ("doc:1#viewer@user:ann", False), ("doc:2#parent@folder:1", False)],
)
async def test_all_subjects_of_a_relation_depend_on_the_relation(change: str, meets: bool) -> None:
    keys = await keys_of(doc(subjects=("parent",)))
    assert bool(keys & touched(change)) == meets


async def test_an_attribute_depends_on_its_value_alone() -> None:
    keys = await keys_of(doc(attributes=("public",)))
    assert keys & keys_touched_by([Attribute.parse("doc:1$public|boolean:true").key])
    assert not keys & keys_touched_by([Attribute.parse("doc:1$secret|boolean:true").key])
    assert not keys & keys_touched_by([Attribute.parse("doc:2$public|boolean:true").key])


async def test_too_many_keys_become_those_of_whole_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "MOST_KEYS", 3)
    reads = [EntityRead("doc", str(number), ANN, Wanted(("viewer",), (), (), ("public",))) for number in range(5)]
    keys = await keys_of(*reads)
    assert len(keys) == 2
    assert keys & touched("doc:9#viewer@user:bob")
    assert keys & keys_touched_by([Attribute.parse("doc:9$public|boolean:true").key])
    assert not keys & touched("doc:9#owner@user:bob")


@settings(max_examples=200, deadline=None)
@given(case=cases(), data=st.data())
def test_whatever_changes_an_answer_touches_what_it_depends_on(
    runner: asyncio.Runner, case: Case, data: st.DataObject
) -> None:
    items: list[RelationTuple | Attribute] = [*case.tuples, *case.attributes]
    gone = data.draw(st.sampled_from(items)) if items else None
    tuples = [row for row in case.tuples if row != gone]
    attributes = [one for one in case.attributes if one != gone]
    together = data.draw(st.booleans())
    before, keys = runner.run(_answers(case, case.tuples, case.attributes, together))
    after, keys_after = runner.run(_answers(case, tuples, attributes, together))
    if [str(answer.outcome) for answer in before] != [str(answer.outcome) for answer in after]:
        assert gone
        assert _touched_by(gone) & keys
        assert _touched_by(gone) & keys_after


LISTINGS = st.one_of(
    st.builds(
        HeldBy,
        st.sampled_from(["doc", "group"]),
        st.sampled_from(["member", "owner"]),
        st.sampled_from(["user", "group"]),
        st.sampled_from(["", "member"]),
        st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True),
    ),
    st.builds(WithAttribute, st.sampled_from(["doc", "group"]), st.just("flag"), st.booleans()),
    st.builds(KnownEntities, st.sampled_from(["doc", "group", "user"])),
    st.builds(
        Holders,
        st.sampled_from(["doc", "group"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["member", "owner"]),
        st.sampled_from(["user", "group"]),
        st.sampled_from(["", "member"]),
    ),
    st.builds(KnownSubjects, st.sampled_from(["user", "group"]), st.sampled_from(["", "member"])),
)


@settings(max_examples=150, deadline=None)
@given(case=cases(), listing=LISTINGS, data=st.data())
def test_whatever_changes_a_list_touches_what_it_depends_on(
    runner: asyncio.Runner, case: Case, listing: Listing, data: st.DataObject
) -> None:
    items: list[RelationTuple | Attribute] = [*case.tuples, *case.attributes]
    gone = data.draw(st.sampled_from(items)) if items else None
    left = [row for row in case.tuples if row != gone], [one for one in case.attributes if one != gone]
    if listed(listing, case.tuples, case.attributes) != listed(listing, *left):
        assert gone
        assert _touched_by(gone) & runner.run(keys_of(listings=[listing]))


def _touched_by(item: RelationTuple | Attribute) -> set[int]:
    return keys_touched_by([item.key if isinstance(item, Attribute) else item])


async def _answers(
    case: Case, tuples: Sequence[RelationTuple], attributes: Sequence[Attribute], together: bool
) -> tuple[Sequence[CheckAnswer], frozenset[int]]:
    recorder = DependencyRecorder(MemoryReader(tuples, attributes))
    request = CheckRequest("t1", case.questions, 10_000, context=case.context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.check_many, "MANY", 1)
        answers = await (check_many if together else check)(recorder, _plan(case.schema), ANYWHERE, request)
    return answers, recorder.keys()


@lru_cache(maxsize=4)
def _plan(schema: str) -> Plan:
    return Plan(compile_schema(schema))
