"""Filters: every part alone, all combinations against a simple model, lists of any length."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.tuples import RelationTuple
from storage.base import AttributeFilter, Changeset, Storage, TupleFilter
from tests.conformance.examples import (
    ALL,
    attribute_filters,
    attributes,
    attributes_at,
    changesets,
    tuple_filters,
    tuples,
    tuples_at,
)
from tests.conformance.factories import KINDS, Factories, StoreFactory
from tests.conformance.history import State

_TUPLES = (
    "doc:1#viewer@user:1",
    "doc:2#viewer@user:1",
    "doc:1#owner@user:2",
    "team:1#viewer@user:1",
    "doc:1#viewer@team:1#member",
    "doc:2#owner@team:1#admin",
)


@pytest.mark.parametrize(
    ("where", "matching"),
    [
        (TupleFilter(), "012345"),
        (TupleFilter(entity_type="doc"), "01245"),
        (TupleFilter(entity_ids=["1"]), "0234"),
        (TupleFilter(entity_ids=["2", "9", "1"]), "012345"),
        (TupleFilter(entity_type="doc", entity_ids=["1"]), "024"),
        (TupleFilter(entity_type="doc", entity_ids=["1", "1", "2"]), "01245"),
        (TupleFilter(relation="owner"), "25"),
        (TupleFilter(subject_type="user"), "0123"),
        (TupleFilter(subject_ids=["1"]), "01345"),
        (TupleFilter(subject_type="user", subject_ids=["1", "2"]), "0123"),
        (TupleFilter(subject_relation="member"), "4"),
        (TupleFilter(subject_type="team", subject_ids=["1"], subject_relation="admin"), "5"),
        (TupleFilter("doc", ["1"], "viewer", "team", ["1"], "member"), "4"),
        (TupleFilter(entity_type="unknown"), ""),
        (TupleFilter(entity_type="DOC"), ""),
    ],
)
async def test_a_tuple_filter_is_the_conjunction_of_its_parts(
    store: Storage, where: TupleFilter, matching: str
) -> None:
    before = await store.write("t1", [Changeset(tuples(*_TUPLES))])
    expected = [_TUPLES[int(digit)] for digit in matching]
    assert await tuples_at(store, before, where) == expected
    after = await store.delete("t1", where, None)
    assert await tuples_at(store, after) == [text for text in _TUPLES if text not in expected]
    assert await tuples_at(store, before, where) == expected


_ATTRIBUTES = ("doc:1$size|integer:1", "doc:2$size|integer:2", "doc:1$label|string:x", "team:1$size|integer:3")


@pytest.mark.parametrize(
    ("where", "matching"),
    [
        (AttributeFilter(), "0123"),
        (AttributeFilter(entity_type="doc"), "012"),
        (AttributeFilter(entity_ids=["1"]), "023"),
        (AttributeFilter(entity_type="doc", entity_ids=["1", "2"]), "012"),
        (AttributeFilter(names=["label"]), "2"),
        (AttributeFilter(names=["label", "size"]), "0123"),
        (AttributeFilter("doc", ["1"], ["size"]), "0"),
        (AttributeFilter(names=["unknown"]), ""),
    ],
)
async def test_an_attribute_filter_is_the_conjunction_of_its_parts(
    store: Storage, where: AttributeFilter, matching: str
) -> None:
    before = await store.write("t1", [Changeset((), attributes(*_ATTRIBUTES))])
    expected = [_ATTRIBUTES[int(digit)] for digit in matching]
    assert await attributes_at(store, before, where) == expected
    after = await store.delete("t1", None, where)
    assert await attributes_at(store, after) == [text for text in _ATTRIBUTES if text not in expected]


@pytest.mark.parametrize("ids", [["1\0x"], ["1\0", "2\0"]])
async def test_an_id_with_nul_matches_nothing(store: Storage, ids: list[str]) -> None:
    snapshot = await store.write("t1", [Changeset(tuples(*_TUPLES))])
    assert await tuples_at(store, snapshot, TupleFilter(entity_ids=ids)) == []
    assert await tuples_at(store, snapshot, TupleFilter(entity_type="doc", entity_ids=ids)) == []
    assert len(await tuples_at(store, await store.delete("t1", TupleFilter(entity_ids=ids), None))) == len(_TUPLES)


@pytest.mark.parametrize("entity_type", ["", "doc"])
async def test_id_lists_may_be_longer_than_any_limit_on_parameters(store: Storage, entity_type: str) -> None:
    written = [RelationTuple("doc", f"d{i}", "viewer", "user", "1") for i in range(0, 300_000, 1000)]
    snapshot = await store.write("t1", [Changeset(written)])
    ids = [f"d{i}" for i in range(300_000)]
    found = await store.read_tuples("t1", snapshot, TupleFilter(entity_type=entity_type, entity_ids=ids), ALL)
    assert found.items == written
    after = await store.delete("t1", TupleFilter(entity_type=entity_type, entity_ids=ids), None)
    assert await tuples_at(store, after) == []


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), history=st.lists(changesets, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_filters_match_what_a_simple_model_matches(
    kind: str, factories: Factories, data: st.DataObject, history: list[Changeset]
) -> None:
    async def scenario(factory: StoreFactory) -> None:
        store, state = await factory.open(), State()
        for changes in history:
            state.apply(changes)
        snapshot = await store.write("t1", history)
        for _ in range(8):
            where, named = data.draw(tuple_filters), data.draw(attribute_filters)
            assert (await store.read_tuples("t1", snapshot, where, ALL)).items == state.matching_tuples(where)
            assert (await store.read_attributes("t1", snapshot, named, ALL)).items == state.matching_attributes(named)
        deleted, unset = data.draw(st.none() | tuple_filters), data.draw(st.none() | attribute_filters)
        state.delete(deleted, unset)
        after = await store.delete("t1", deleted, unset)
        assert await tuples_at(store, after) == [str(item) for item in state.matching_tuples(TupleFilter())]
        assert await attributes_at(store, after) == [str(i) for i in state.matching_attributes(AttributeFilter())]
        await store.close()

    with factories.of(kind) as factory:
        asyncio.run(scenario(factory))
