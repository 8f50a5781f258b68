"""Lists of ids: what each sort of listing means, order, stretches that join up, snapshots."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import (
    AttributeFilter,
    Changeset,
    HeldBy,
    Holders,
    KnownEntities,
    KnownSubjects,
    Listing,
    Storage,
    TupleFilter,
    WithAttribute,
)
from tests.conformance.examples import ALL, attributes, changesets, head_of, listings, tuples
from tests.conformance.factories import KINDS, Factories
from tests.support.listings import listed

_TUPLES = (
    "doc:1#viewer@user:1",
    "doc:2#viewer@user:1",
    "doc:2#viewer@user:2",
    "doc:3#owner@user:1",
    "doc:4#viewer@team:1#member",
    "doc:5#viewer@team:1",
    "team:1#member@user:2",
    "team:1#member@team:2#member",
)
_ATTRIBUTES = (
    "doc:1$public|boolean:true",
    "doc:2$public|boolean:false",
    "doc:6$size|integer:1",
    "team:7$public|boolean:true",
)


async def whole(
    store: Storage, snapshot: Snapshot, listing: Listing, *, about: int = 100, tenant: str = "t1"
) -> list[str]:
    """All ids of a listing, stretch by stretch, each of which must move on."""
    found: list[str] = []
    beyond = ""
    while True:
        (stretch,) = await store.list_ids(tenant, snapshot, [listing], beyond=beyond, about=about)
        assert all(beyond < one for one in stretch.ids)
        found += stretch.ids
        if stretch.through is None:
            return found
        assert stretch.ids
        assert stretch.ids[-1] <= stretch.through
        beyond = stretch.through


@pytest.mark.parametrize(
    ("listing", "ids"),
    [
        (HeldBy("doc", "viewer", "user", "", ["1"]), "12"),
        (HeldBy("doc", "viewer", "user", "", ["2", "1", "9"]), "12"),
        (HeldBy("doc", "owner", "user", "", ["1"]), "3"),
        (HeldBy("doc", "viewer", "team", "member", ["1"]), "4"),
        (HeldBy("doc", "viewer", "team", "", ["1"]), "5"),
        (HeldBy("doc", "viewer", "user", "", []), ""),
        (HeldBy("team", "viewer", "user", "", ["1"]), ""),
        (WithAttribute("doc", "public"), "12"),
        (WithAttribute("doc", "public", is_true=True), "1"),
        (WithAttribute("doc", "size", is_true=True), ""),
        (KnownEntities("doc"), "123456"),
        (KnownEntities("team"), "127"),
        (KnownEntities("user"), "12"),
        (KnownEntities("folder"), ""),
        (Holders("doc", "2", "viewer", "user", ""), "12"),
        (Holders("team", "1", "member", "team", "member"), "2"),
        (Holders("team", "1", "member", "team", ""), ""),
        (KnownSubjects("user", ""), "12"),
        (KnownSubjects("team", ""), "1"),
        (KnownSubjects("team", "member"), "12"),
        (KnownSubjects("doc", ""), ""),
    ],
)
async def test_each_sort_of_listing_gives_what_it_says(store: Storage, listing: Listing, ids: str) -> None:
    snapshot = await store.write("t1", [Changeset(tuples(*_TUPLES), attributes(*_ATTRIBUTES))])
    assert await whole(store, snapshot, listing) == list(ids)
    assert await whole(store, snapshot, listing, about=1) == list(ids)


async def test_listings_are_answered_together_and_aligned(store: Storage) -> None:
    snapshot = await store.write("t1", [Changeset(tuples(*_TUPLES))])
    together: list[Listing] = [
        HeldBy("doc", "owner", "user", "", ["1"]),
        KnownSubjects("user", ""),
        HeldBy("doc", "x", "user", "", ["1"]),
    ]
    stretches = await store.list_ids("t1", snapshot, together, beyond="", about=10)
    assert [list(stretch.ids) for stretch in stretches] == [["3"], ["1", "2"], []]
    assert [stretch.through for stretch in stretches] == [None, None, None]


async def test_other_tenants_are_not_listed(store: Storage) -> None:
    await store.write("t1", [Changeset(tuples(*_TUPLES))])
    assert await whole(store, await head_of(store, "t2"), KnownEntities("doc"), tenant="t2") == []


async def test_a_list_shows_its_snapshot_whatever_is_written_since(store: Storage) -> None:
    listing = HeldBy("doc", "viewer", "user", "", ["1"])
    before = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1", "doc:2#viewer@user:1"))])
    after = await store.write(
        "t1", [Changeset(tuples("doc:3#viewer@user:1"), tuples_deleted=tuples("doc:1#viewer@user:1"))]
    )
    again = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    assert await whole(store, before, listing) == ["1", "2"]
    assert await whole(store, after, listing) == ["2", "3"]
    assert await whole(store, again, listing) == ["1", "2", "3"]
    assert await whole(store, after, KnownEntities("doc")) == ["2", "3"]
    assert await whole(store, before, KnownSubjects("user", "")) == ["1"]


async def test_ids_come_in_the_order_of_their_bytes(store: Storage) -> None:
    ids = ["A", "B", "a", "a-", "a.b", "b", "z", "é", "\uffff", "\U0001f600"]
    rows = [RelationTuple("doc", one, "viewer", "user", "1", "") for one in random.Random(1).sample(ids, len(ids))]
    snapshot = await store.write("t1", [Changeset(rows)])
    assert await whole(store, snapshot, HeldBy("doc", "viewer", "user", "", ["1"]), about=3) == ids
    assert await whole(store, snapshot, KnownEntities("doc"), about=3) == ids


@pytest.mark.parametrize("subjects", [1, 7, 300])
async def test_long_lists_join_up_whether_few_subjects_hold_much_or_many_hold_little(
    store: Storage, subjects: int
) -> None:
    chance = random.Random(subjects)
    rows = [RelationTuple("doc", f"{n:04}", "viewer", "user", f"{chance.randrange(subjects)}", "") for n in range(2000)]
    snapshot = await store.write("t1", [Changeset(rows)])
    listing = HeldBy("doc", "viewer", "user", "", [str(n) for n in range(subjects)])
    for about in (7, 500, 5000):
        assert await whole(store, snapshot, listing, about=about) == [f"{n:04}" for n in range(2000)]


async def test_a_stretch_has_about_as_many_ids_as_asked_for(store: Storage) -> None:
    rows = [RelationTuple("doc", f"{n:05}", "viewer", "user", f"{n // 100:03}", "") for n in range(10_000)]
    snapshot = await store.write("t1", [Changeset(rows)])
    listing = HeldBy("doc", "viewer", "user", "", [f"{n:03}" for n in range(100)])
    (stretch,) = await store.list_ids("t1", snapshot, [listing], beyond="00499", about=1000)
    assert 500 <= len(stretch.ids) <= 2000
    assert stretch.ids[0] == "00500"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(history=st.lists(changesets, max_size=4), listing=listings, about=st.integers(1, 5))
async def test_lists_equal_a_simple_model_at_every_snapshot(
    kind: str, factories: Factories, history: list[Changeset], listing: Listing, about: int
) -> None:
    with factories.of(kind) as factory:
        store = await factory.open()
        try:
            snapshots = [await store.write("t1", [changes]) for changes in history]
            for snapshot in snapshots:
                rows = (await store.read_tuples("t1", snapshot, TupleFilter(), ALL)).items
                values = (await store.read_attributes("t1", snapshot, AttributeFilter(), ALL)).items
                assert await whole(store, snapshot, listing, about=about) == listed(listing, rows, values)
        finally:
            await store.close()
