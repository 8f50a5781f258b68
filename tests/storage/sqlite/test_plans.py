"""Which indexes the reads use, and that their work does not grow with what they do not ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from storage.base import AttributeFilter, Changeset, EntityRead, PageRequest, TupleFilter, Wanted
from storage.sqlite import SqliteStorage
from tests.conformance.examples import attributes, tuples

_USER = SubjectRef("user", "1")


class Watch:
    """The statements a store's reading side ran, and how many steps of SQLite's machine they took."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.steps = 0

    def count_step(self) -> int:
        self.steps += 1
        return 0


@contextmanager
def watching(store: SqliteStorage) -> Iterator[Watch]:
    watch, connection = Watch(), store._connections.reading
    connection.set_trace_callback(watch.statements.append)
    connection.set_progress_handler(watch.count_step, 1)
    yield watch
    connection.set_trace_callback(None)
    connection.set_progress_handler(None, 0)


def plan_of(store: SqliteStorage, statements: list[str]) -> list[str]:
    """The steps of the plans that look at tables."""
    details = [
        str(detail)
        for statement in statements
        if "SELECT" in statement
        for *_, detail in store._connections.writing.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    return [detail for detail in details if "tuples" in detail or "attributes" in detail or "TEMP" in detail]


@pytest.fixture
async def snapshot(store: SqliteStorage) -> Snapshot:
    return await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))])


_ENTITY = (
    "SEARCH tuples USING COVERING INDEX tuples_by_entity (tenant=? AND entity_type=? AND entity_id=? AND relation=?"
)

_ATTRIBUTE = "SEARCH attributes USING INDEX attributes_by_entity (tenant=? AND entity_type=? AND entity_id=?"


@pytest.mark.parametrize(
    ("wanted", "plan"),
    [
        (
            Wanted(memberships=("viewer",)),
            f"{_ENTITY} AND subject_relation=? AND subject_type=? AND subject_id=? AND expired>?)",
        ),
        (Wanted(usersets=("viewer",)), f"{_ENTITY} AND subject_relation>?)"),
        (Wanted(subjects=("viewer",)), f"{_ENTITY} AND subject_relation>?)"),
        (
            Wanted(attributes=("size",)),
            f"{_ATTRIBUTE} AND name=? AND expired>?)",
        ),
    ],
)
async def test_a_fact_is_one_descent_into_an_index(
    store: SqliteStorage, snapshot: Snapshot, wanted: Wanted, plan: str
) -> None:
    with watching(store) as watch:
        await store.read("t1", snapshot, [EntityRead("doc", "1", _USER, wanted)])
    assert plan_of(store, watch.statements) == [plan]


async def test_a_read_of_an_entity_is_one_statement(store: SqliteStorage, snapshot: Snapshot) -> None:
    names = ("a", "b", "c")
    with watching(store) as watch:
        await store.read("t1", snapshot, [EntityRead("doc", "1", _USER, Wanted(names, names, names, names))] * 3)
    assert sum("SELECT" in statement for statement in watch.statements) == 3


_BY_ENTITY, _BY_SUBJECT, _BY_TENANT = (
    "tuples_by_entity (tenant",
    "tuples_by_subject (tenant",
    "tuples_by_tenant (tenant",
)
_ONE = ["1"]
_MANY = ["1", "2"]


@pytest.mark.parametrize("ids", [_ONE, _MANY])
@pytest.mark.parametrize("relation", ["", "viewer"])
@pytest.mark.parametrize("subject_relation", ["", "member"])
async def test_entities_are_found_by_entity_and_subjects_by_subject(
    store: SqliteStorage, snapshot: Snapshot, ids: list[str], relation: str, subject_relation: str
) -> None:
    by_entity = TupleFilter("doc", ids, relation, subject_relation=subject_relation)
    by_subject = TupleFilter(relation=relation, subject_type="user", subject_ids=ids, subject_relation=subject_relation)
    by_both = TupleFilter("doc", ids, relation, "user", ids, subject_relation)
    for where, index in ((by_entity, _BY_ENTITY), (by_subject, _BY_SUBJECT), (by_both, _BY_ENTITY)):
        with watching(store) as watch:
            await store.read_tuples("t1", snapshot, where, PageRequest(10))
        looks = [step for step in plan_of(store, watch.statements) if " tuples " in step]
        assert looks
        assert all(index in look and "_type=? AND " in look and look.startswith("SEARCH") for look in looks)


@pytest.mark.parametrize(
    "where",
    [
        TupleFilter(),
        TupleFilter(entity_type="doc"),
        TupleFilter(entity_ids=_MANY),
        TupleFilter(relation="viewer"),
        TupleFilter(entity_type="doc", relation="viewer"),
        TupleFilter(subject_type="user"),
        TupleFilter(subject_ids=_ONE),
        TupleFilter(subject_relation="member"),
        TupleFilter(entity_ids=_ONE, subject_ids=_MANY, relation="viewer"),
    ],
)
async def test_all_other_filters_walk_the_tenant_in_order_and_never_sort(
    store: SqliteStorage, snapshot: Snapshot, where: TupleFilter
) -> None:
    with watching(store) as watch:
        await store.read_tuples("t1", snapshot, where, PageRequest(10))
    plan = plan_of(store, watch.statements)
    assert plan
    assert all(f"{_BY_TENANT}=? AND rowid>? AND rowid<?)" in step for step in plan)


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (AttributeFilter("doc", _ONE), "attributes_by_entity"),
        (AttributeFilter("doc", _MANY, ["size"]), "attributes_by_entity"),
        (AttributeFilter(), "attributes_by_tenant"),
        (AttributeFilter("doc"), "attributes_by_tenant"),
        (AttributeFilter(entity_ids=_ONE), "attributes_by_tenant"),
        (AttributeFilter(names=["size"]), "attributes_by_tenant"),
    ],
)
async def test_attributes_are_found_by_entity_or_walked(
    store: SqliteStorage, snapshot: Snapshot, where: AttributeFilter, index: str
) -> None:
    with watching(store) as watch:
        await store.read_attributes("t1", snapshot, where, PageRequest(10))
    looks = [step for step in plan_of(store, watch.statements) if " attributes " in step]
    assert looks
    assert all(index in look and look.startswith("SEARCH") for look in looks)


async def test_the_latest_schema_version_is_found_without_sorting(store: SqliteStorage) -> None:
    await store.write_schema("t1", "entity user {}")
    with watching(store) as watch:
        await store.head("t1")
    (statement,) = watch.statements
    ((*_, detail),) = store._connections.writing.execute(f"EXPLAIN QUERY PLAN {statement}")
    assert detail == "SEARCH schemas USING INDEX schemas_by_tenant (tenant=?)"


async def test_expired_rows_are_found_by_the_index_of_expired_rows(store: SqliteStorage) -> None:
    statements: list[str] = []
    store._connections.writing.set_trace_callback(statements.append)
    await store.collect_garbage(0)
    store._connections.writing.set_trace_callback(None)
    plans = [
        detail
        for statement in statements
        if statement.startswith("DELETE")
        for *_, detail in store._connections.writing.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert sum("_by_expiry (expired<?)" in detail for detail in plans) == 2
    assert not any(detail.startswith("SCAN") for detail in plans)


async def test_memberships_and_usersets_of_a_wide_relation_cost_what_those_of_a_narrow_one_cost(
    store: SqliteStorage,
) -> None:
    groups = tuples("doc:{0}#viewer@group:1#member", "doc:{0}#viewer@group:2#member", "doc:{0}#viewer@user:1")
    for doc in ("narrow", "wide"):
        await store.write("t1", [Changeset([item._replace(entity_id=doc) for item in groups])])
    for start in range(0, 100_000, 10_000):
        users = [RelationTuple("doc", "wide", "viewer", "user", f"u{i}") for i in range(start, start + 10_000)]
        snapshot = await store.write("t1", [Changeset(users)])

    async def steps_of(doc: str, wanted: Wanted) -> int:
        with watching(store) as watch:
            (facts,) = await store.read("t1", snapshot, [EntityRead("doc", doc, _USER, wanted)])
        assert facts.memberships or len(facts.usersets["viewer"]) == 2
        return watch.steps

    for wanted in (Wanted(memberships=("viewer",)), Wanted(usersets=("viewer",))):
        narrow = await steps_of("narrow", wanted)
        assert narrow < 150
        assert abs(await steps_of("wide", wanted) - narrow) <= 2  # one step more where the index goes on behind
