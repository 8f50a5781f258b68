"""Writes and deletes: what is visible after them, and in which order they apply."""

from __future__ import annotations

import pytest

from model.attributes import EntityAttribute
from model.errors import AuthzError, InvalidRequest
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Changeset, Storage, TupleFilter
from tests.conformance.examples import ALL, attributes, attributes_at, head_of, tuples, tuples_at


async def test_a_new_store_is_empty_and_can_be_read_at_its_head(store: Storage) -> None:
    head = await store.head("t1")
    assert head.schema_version == ""
    assert await tuples_at(store, head.snapshot) == []
    assert await attributes_at(store, head.snapshot) == []


async def test_a_write_is_visible_at_its_own_snapshot_and_at_every_later_head(store: Storage) -> None:
    snapshot = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:7"))])
    for seeing in (snapshot, await head_of(store)):
        assert await tuples_at(store, seeing) == ["doc:1#viewer@user:1"]
        assert await attributes_at(store, seeing) == ["doc:1$size|integer:7"]


async def test_the_head_covers_every_acknowledged_write(store: Storage) -> None:
    before = await head_of(store)
    snapshot = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    head = await head_of(store)
    assert head.covers(snapshot)
    assert head.covers(before)
    assert not before.covers(snapshot)


@pytest.mark.parametrize("nothing", [[], [Changeset()]])
async def test_a_write_of_nothing_is_a_transaction_too(store: Storage, nothing: list[Changeset]) -> None:
    before = await head_of(store)
    snapshot = await store.write("t1", nothing)
    assert snapshot.covers(before)
    assert not before.covers(snapshot)


async def test_a_delete_of_nothing_is_a_transaction_too(store: Storage) -> None:
    first = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    second = await store.delete("t1", None, None)
    assert not first.covers(second)
    assert await tuples_at(store, second) == ["doc:1#viewer@user:1"]


async def test_old_snapshots_keep_showing_what_was_deleted_and_replaced_since(store: Storage) -> None:
    old = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))])
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:2"), attributes("doc:1$size|integer:2"))])
    new = await store.delete("t1", TupleFilter(subject_ids=["1"]), None)
    last = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    assert await tuples_at(store, old) == ["doc:1#viewer@user:1"]
    assert await attributes_at(store, old) == ["doc:1$size|integer:1"]
    assert await tuples_at(store, new) == ["doc:1#viewer@user:2"]
    assert await attributes_at(store, new) == ["doc:1$size|integer:2"]
    assert await tuples_at(store, last) == ["doc:1#viewer@user:2", "doc:1#viewer@user:1"]


async def test_writing_a_tuple_that_is_there_leaves_it_in_its_place(store: Storage) -> None:
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1", "doc:1#viewer@user:2"))])
    snapshot = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1", "doc:1#viewer@user:1"))])
    assert await tuples_at(store, snapshot) == ["doc:1#viewer@user:1", "doc:1#viewer@user:2"]


async def test_writing_an_attribute_replaces_it_even_by_an_equal_value(store: Storage) -> None:
    await store.write("t1", [Changeset((), attributes("doc:1$size|integer:1", "doc:2$size|integer:2"))])
    snapshot = await store.write("t1", [Changeset((), attributes("doc:1$size|integer:1"))])
    assert await attributes_at(store, snapshot) == ["doc:2$size|integer:2", "doc:1$size|integer:1"]


async def test_the_last_attribute_of_a_changeset_wins(store: Storage) -> None:
    snapshot = await store.write("t1", [Changeset((), attributes("doc:1$size|integer:1", "doc:1$size|string:x"))])
    assert await attributes_at(store, snapshot) == ["doc:1$size|string:x"]


async def test_a_changeset_writes_before_it_deletes(store: Storage) -> None:
    changes = Changeset(
        tuples_written=tuples("doc:1#viewer@user:1", "doc:1#viewer@user:2"),
        attributes_written=attributes("doc:1$size|integer:1", "doc:2$size|integer:2"),
        tuples_deleted=tuples("doc:1#viewer@user:1", "doc:9#viewer@user:9"),
        attributes_deleted=[EntityAttribute("doc", "1", "size"), EntityAttribute("doc", "9", "size")],
    )
    snapshot = await store.write("t1", [changes])
    assert await tuples_at(store, snapshot) == ["doc:1#viewer@user:2"]
    assert await attributes_at(store, snapshot) == ["doc:2$size|integer:2"]


async def test_changesets_of_one_write_apply_one_after_another(store: Storage) -> None:
    before = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:0"))])
    gone = Changeset(
        tuples_deleted=tuples("doc:1#viewer@user:1"), attributes_deleted=[EntityAttribute("doc", "1", "size")]
    )
    back = Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))
    ends_gone = await store.write("t1", [gone, back, gone, back, gone])
    ends_there = await store.write("t1", [gone, back, gone, back])
    assert await tuples_at(store, before) == ["doc:1#viewer@user:1"]
    assert await attributes_at(store, before) == ["doc:1$size|integer:0"]
    assert await tuples_at(store, ends_gone) == []
    assert await attributes_at(store, ends_gone) == []
    assert await tuples_at(store, ends_there) == ["doc:1#viewer@user:1"]
    assert await attributes_at(store, ends_there) == ["doc:1$size|integer:1"]


async def test_a_write_that_fails_leaves_nothing_behind(store: Storage) -> None:
    before = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    unwritable = Changeset([RelationTuple("doc", "1", "viewer", "user", "\ud800")])
    with pytest.raises(AuthzError):
        await store.write("t1", [Changeset(tuples("doc:2#viewer@user:2")), unwritable])
    head = await head_of(store)
    assert before.covers(head)
    assert await tuples_at(store, head) == ["doc:1#viewer@user:1"]
    assert await tuples_at(store, await store.write("t1", [])) == ["doc:1#viewer@user:1"]


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
async def test_names_that_no_store_can_hold_are_refused(store: Storage, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await store.write("t1", [Changeset([RelationTuple("doc", name, "viewer", "user", "1")])])
    with pytest.raises(InvalidRequest):
        await store.read_tuples("\ud800", await head_of(store), TupleFilter(), ALL)


async def test_any_other_name_is_stored_as_it_is(store: Storage) -> None:
    odd = RelationTuple("döc", "a' OR 1=1 --", '"x"', "日本", "%_[?1", "a\nb")
    snapshot = await store.write("t1", [Changeset([odd])])
    found = await store.read_tuples("t1", snapshot, TupleFilter(entity_type="döc", entity_ids=["a' OR 1=1 --"]), ALL)
    assert found.items == [odd]


async def test_a_delete_removes_what_its_filters_match_of_each_sort(store: Storage) -> None:
    await store.write(
        "t1",
        [
            Changeset(
                tuples("doc:1#viewer@user:1", "doc:2#viewer@user:1"),
                attributes("doc:1$size|integer:1", "doc:2$size|integer:2"),
            )
        ],
    )
    first = await store.delete("t1", TupleFilter(entity_type="doc", entity_ids=["1"]), None)
    assert await tuples_at(store, first) == ["doc:2#viewer@user:1"]
    assert len(await attributes_at(store, first)) == 2
    second = await store.delete("t1", None, AttributeFilter(names=["size"], entity_ids=["2"]))
    assert await tuples_at(store, second) == ["doc:2#viewer@user:1"]
    assert await attributes_at(store, second) == ["doc:1$size|integer:1"]
    third = await store.delete("t1", TupleFilter(), AttributeFilter())
    assert await tuples_at(store, third) == []
    assert await attributes_at(store, third) == []


async def test_tenants_do_not_see_each_other_and_need_not_exist(store: Storage) -> None:
    changes = Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))
    await store.write("a", [changes])
    await store.write("b", [changes])
    head = await store.delete("a", TupleFilter(), AttributeFilter())
    assert await tuples_at(store, head, tenant="a") == []
    assert await attributes_at(store, head, tenant="a") == []
    assert await tuples_at(store, head, tenant="b") == ["doc:1#viewer@user:1"]
    assert await attributes_at(store, head, tenant="b") == ["doc:1$size|integer:1"]
