"""Reads of entities: alignment with the question, order of subjects, attributes of every kind."""

from __future__ import annotations

import math

import pytest

from model.attributes import Attribute, AttributeKind, AttributeValue, PlainValue
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from storage.base import AttributeFilter, Changeset, EntityRead, Facts, Storage, Wanted
from tests.conformance.examples import ALL, attributes, head_of, tuples

_USER_1 = SubjectRef("user", "1")
_GROUP = SubjectRef("group", "1", "member")


async def facts_of(store: Storage, snapshot: Snapshot, wanted: Wanted, subject: SubjectRef = _USER_1) -> Facts:
    """What the store tells of doc:1."""
    (facts,) = await store.read("t1", snapshot, [EntityRead("doc", "1", subject, wanted)])
    return facts


async def test_answers_are_aligned_with_the_reads_which_may_repeat(store: Storage) -> None:
    snapshot = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1", "doc:2#owner@user:2"))])
    wanted = Wanted(memberships=("owner", "viewer"))
    asked = [
        EntityRead("doc", "2", SubjectRef("user", "2"), wanted),
        EntityRead("doc", "1", _USER_1, wanted),
        EntityRead("doc", "3", _USER_1, wanted),
        EntityRead("doc", "2", SubjectRef("user", "2"), wanted),
        EntityRead("doc", "2", _USER_1, wanted),
    ]
    found = await store.read("t1", snapshot, asked)
    assert [facts.memberships for facts in found] == [{"owner"}, {"viewer"}, set(), {"owner"}, set()]


async def test_facts_of_every_sort_are_told_apart(store: Storage) -> None:
    written = tuples("doc:1#viewer@user:1", "doc:1#viewer@group:1#member", "doc:1#owner@user:2", "doc:1#parent@doc:2")
    snapshot = await store.write("t1", [Changeset(written, attributes("doc:1$size|integer:7", "doc:1$owner|string:x"))])
    names = ("owner", "parent", "size", "unknown", "viewer")
    assert await facts_of(store, snapshot, Wanted(names, names, names, names)) == Facts(
        memberships={"viewer"},
        usersets={"viewer": [_GROUP]},
        subjects={"owner": [SubjectRef("user", "2")], "parent": [SubjectRef("doc", "2")], "viewer": [_USER_1, _GROUP]},
        attributes={
            "size": AttributeValue(AttributeKind.INTEGER, 7),
            "owner": AttributeValue(AttributeKind.STRING, "x"),
        },
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), Facts(set(), {}, {}, {})),
        (Wanted(memberships=("viewer",)), Facts({"viewer"}, {}, {}, {})),
        (Wanted(usersets=("viewer",)), Facts(set(), {"viewer": [_GROUP]}, {}, {})),
        (Wanted(subjects=("viewer",)), Facts(set(), {}, {"viewer": [_USER_1, _GROUP]}, {})),
        (Wanted(attributes=("size",)), Facts(set(), {}, {}, {"size": AttributeValue(AttributeKind.INTEGER, 7)})),
    ],
)
async def test_nothing_is_told_but_what_was_wanted(store: Storage, wanted: Wanted, expected: Facts) -> None:
    written = tuples("doc:1#viewer@user:1", "doc:1#viewer@group:1#member", "doc:1#owner@user:1")
    snapshot = await store.write("t1", [Changeset(written, attributes("doc:1$size|integer:7"))])
    assert await facts_of(store, snapshot, wanted) == expected


async def test_a_membership_is_held_by_exactly_the_subject(store: Storage) -> None:
    snapshot = await store.write("t1", [Changeset(tuples("doc:1#viewer@group:1#member", "doc:1#owner@group:1"))])
    wanted = Wanted(memberships=("owner", "viewer"))
    assert (await facts_of(store, snapshot, wanted, _GROUP)).memberships == {"viewer"}
    assert (await facts_of(store, snapshot, wanted, SubjectRef("group", "1"))).memberships == {"owner"}
    assert (await facts_of(store, snapshot, wanted, SubjectRef("group", "1", "owner"))).memberships == set()


async def test_no_reads_have_no_answers(store: Storage) -> None:
    assert list(await store.read("t1", await head_of(store), [])) == []


async def test_subjects_come_in_byte_order_of_relation_type_and_id(store: Storage) -> None:
    ordered = [
        SubjectRef("a", "2"), SubjectRef("b", "1"), SubjectRef("b", "Z"), SubjectRef("b", "a"), SubjectRef("b", "é"),
        SubjectRef("b", "\uffff"), SubjectRef("b", "\U0001f600"), SubjectRef("a", "9", "Member"),
        SubjectRef("a", "1", "member"), SubjectRef("b", "0", "member"),
    ]  # fmt: skip
    written = [RelationTuple("doc", "1", "viewer", *subject) for subject in reversed(ordered)]
    snapshot = await store.write("t1", [Changeset(written)])
    facts = await facts_of(store, snapshot, Wanted(usersets=("viewer",), subjects=("viewer",)))
    assert list(facts.subjects["viewer"]) == ordered
    assert list(facts.usersets["viewer"]) == ordered[7:]


@pytest.mark.parametrize("count", [499, 500, 501, 1000, 2600])
async def test_relations_of_any_width_are_read_whole(store: Storage, count: int) -> None:
    users = [RelationTuple("doc", "1", "viewer", "user", f"{i:05}") for i in range(count)]
    groups = [RelationTuple("doc", "1", "viewer", "group", f"{i:05}", "member") for i in range(count)]
    snapshot = await store.write("t1", [Changeset(users + groups)])
    facts = await facts_of(store, snapshot, Wanted((), ("editor", "viewer"), ("editor", "viewer")))
    assert facts.usersets == {"viewer": [item.subject for item in groups]}
    assert facts.subjects == {"viewer": [item.subject for item in users + groups]}


async def test_any_number_of_reads_is_answered_whole(store: Storage) -> None:
    written = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(0, 2000, 2)]
    snapshot = await store.write("t1", [Changeset(written)])
    wanted = Wanted(memberships=("viewer",))
    found = await store.read("t1", snapshot, [EntityRead("doc", str(i), _USER_1, wanted) for i in range(2000)])
    assert [facts.memberships for facts in found] == [{"viewer"}, set()] * 1000


@pytest.mark.parametrize("count", [99, 100, 101, 700])
async def test_any_number_of_names_may_be_wanted(store: Storage, count: int) -> None:
    names = tuple(f"r{i:03}" for i in range(count))
    written = [RelationTuple("doc", "1", name, "user", "1") for name in names[::2]]
    snapshot = await store.write("t1", [Changeset(written)])
    facts = await facts_of(store, snapshot, Wanted(memberships=names, usersets=names, subjects=names, attributes=names))
    assert facts == Facts(set(names[::2]), {}, {name: [_USER_1] for name in names[::2]}, {})


async def test_a_read_at_an_old_snapshot_answers_as_it_did_then(store: Storage) -> None:
    old = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))])
    change = Changeset(
        tuples("doc:1#viewer@user:2"), attributes("doc:1$size|integer:2"), tuples_deleted=tuples("doc:1#viewer@user:1")
    )
    new = await store.write("t1", [change])
    wanted = Wanted(("viewer",), (), ("viewer",), ("size",))
    then, now = await facts_of(store, old, wanted), await facts_of(store, new, wanted)
    assert then == Facts({"viewer"}, {}, {"viewer": [_USER_1]}, {"size": AttributeValue(AttributeKind.INTEGER, 1)})
    assert now == Facts(
        set(), {}, {"viewer": [SubjectRef("user", "2")]}, {"size": AttributeValue(AttributeKind.INTEGER, 2)}
    )


_VALUES: list[tuple[AttributeKind, PlainValue]] = [
    (AttributeKind.BOOLEAN, True),
    (AttributeKind.BOOLEAN, False),
    (AttributeKind.BOOLEAN_ARRAY, ()),
    (AttributeKind.BOOLEAN_ARRAY, (True, False)),
    (AttributeKind.STRING, ""),
    (AttributeKind.STRING, "  blank, comma: 'quote' \"double\" \\ \n 日本 \U0001f600"),
    (AttributeKind.STRING_ARRAY, ()),
    (AttributeKind.STRING_ARRAY, ("",)),
    (AttributeKind.STRING_ARRAY, ("a,b", "1", "")),
    (AttributeKind.INTEGER, 0),
    (AttributeKind.INTEGER, -(2**31)),
    (AttributeKind.INTEGER, 2**31 - 1),
    (AttributeKind.INTEGER_ARRAY, (1, -1)),
    (AttributeKind.DOUBLE, 1.0),
    (AttributeKind.DOUBLE, -0.0),
    (AttributeKind.DOUBLE, 0.1 + 0.2),
    (AttributeKind.DOUBLE, 5e-324),
    (AttributeKind.DOUBLE, math.inf),
    (AttributeKind.DOUBLE, -math.inf),
    (AttributeKind.DOUBLE, math.nan),
    (AttributeKind.DOUBLE_ARRAY, (1.0, 1e300, math.nan)),
]


async def test_attributes_of_every_kind_come_back_exactly(store: Storage) -> None:
    written = [Attribute("doc", str(i), "value", AttributeValue(*value)) for i, value in enumerate(_VALUES)]
    snapshot = await store.write("t1", [Changeset((), written)])
    wanted = Wanted(attributes=("value",))
    found = await store.read("t1", snapshot, [EntityRead("doc", str(i), _USER_1, wanted) for i in range(len(_VALUES))])
    listed = await store.read_attributes("t1", snapshot, AttributeFilter(), ALL)
    # by repr: it tells 1 from 1.0 and True, 0.0 from -0.0, and finds NaN equal
    assert [repr(facts.attributes["value"]) for facts in found] == [repr(item.value) for item in written]
    assert [repr(item) for item in listed.items] == [repr(item) for item in written]
