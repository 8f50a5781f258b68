"""Which indexes the reads use, and that their work does not grow with what they do not ask for.

Plans are looked at as the server makes them for prepared statements, with the values known and not, on tables that have
been analysed, that have not, and that were empty when the plan was made.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from model.snapshot import Snapshot
from model.tuples import SubjectRef
from storage.base import (
    AttributeFilter,
    Changeset,
    EntityRead,
    Facts,
    HeldBy,
    Holders,
    KnownEntities,
    KnownSubjects,
    Listing,
    PageRequest,
    TupleFilter,
    Wanted,
    WithAttribute,
)
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import attributes, tuples

_FILL = """
INSERT INTO ringward.tuples (tenant, entity_type, entity_id, relation, subject_type, subject_id, subject_relation)
SELECT 't1', 'doc', 'd' || n % 1500, 'viewer', 'user', 'u' || n, '' FROM generate_series(1, 6000) AS n
UNION ALL SELECT 't1', 'doc', 'wide', 'viewer', 'user', 'w' || n, '' FROM generate_series(1, 6000) AS n
UNION ALL SELECT 't1', 'doc', 'h' || n, 'viewer', 'user', 'holder', '' FROM generate_series(1, 6000) AS n;
INSERT INTO ringward.attributes (tenant, entity_type, entity_id, name, kind, value)
SELECT 't1', 'doc', 'd' || n, 'public', 1, 'true' FROM generate_series(1, 1500) AS n
"""
_SMALL = (
    "doc:narrow#viewer@user:1",
    "doc:narrow#viewer@group:1#member",
    "doc:wide#viewer@user:1",
    "doc:wide#viewer@group:1#member",
)


@dataclass
class Look:
    """One look of a plan at a table."""

    sort: str
    index: str
    condition: str
    removed_rows: int


@dataclass
class Watch:
    """The statements a store's reads ran, and the connection to explain them on."""

    connection: asyncpg.Connection
    statements: list[tuple[str, Sequence[object]]] = field(default_factory=list)

    async def explained(self, mode: str) -> list[dict[str, Any]]:
        """The plans of all statements, run once more with their arguments."""
        plans = []
        for statement, arguments in self.statements:
            await self.connection.execute(f"SET plan_cache_mode = '{mode}'; PREPARE watched AS {statement}")
            values = ", ".join(map(_literal, arguments))
            text = await self.connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE watched ({values})")
            await self.connection.execute("DEALLOCATE watched")
            plans.append(json.loads(text)[0]["Plan"])
        return plans

    async def looks(self, mode: str = "force_generic_plan") -> list[Look]:
        """How the tables of tuples and attributes are looked at."""
        return [
            Look(
                node["Node Type"],
                node.get("Index Name", ""),
                node.get("Index Cond", ""),
                node.get("Rows Removed by Filter", 0),
            )
            for plan in await self.explained(mode)
            for node in _nodes(plan)
            if node.get("Relation Name") in ("tuples", "attributes")
        ]

    async def blocks(self) -> int:
        """How many blocks the statements touch, as they are prepared here."""
        plans = await self.explained("force_generic_plan")
        return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans)


class WatchedStore:
    """A store whose reads can be listened to."""

    def __init__(self, store: PostgresStorage, connection: asyncpg.Connection) -> None:
        self.store = store
        self.connection = connection
        self.snapshot = Snapshot(1, 1)

    async def fill(self) -> None:
        """Many entities with few subjects, one with many, a subject with many entities."""
        await self.connection.execute(_FILL)
        await self.mark()

    async def mark(self) -> None:
        """Read at the state of now from here on."""
        written = Changeset(tuples(*_SMALL), attributes("doc:narrow$public|boolean:true"))
        self.snapshot = await self.store.write("t1", [written])

    async def read(self, *reads: EntityRead) -> tuple[Sequence[Facts], Watch]:
        watch = self._watch()
        return await self.store.read("t1", self.snapshot, reads), watch

    async def ids(self, listing: Listing, beyond: str, about: int) -> tuple[Sequence[str], Watch]:
        watch = self._watch()
        (stretch,) = await self.store.list_ids("t1", self.snapshot, [listing], beyond=beyond, about=about)
        return stretch.ids, watch

    async def page(self, where: TupleFilter | AttributeFilter) -> Watch:
        watch = self._watch()
        if isinstance(where, TupleFilter):
            await self.store.read_tuples("t1", self.snapshot, where, PageRequest(10))
        else:
            await self.store.read_attributes("t1", self.snapshot, where, PageRequest(10))
        return watch

    def _watch(self) -> Watch:
        watch = Watch(self.connection)
        pool = self.store._pools.reader
        fetch = type(pool).fetch

        async def watched(statement: str, *arguments: object) -> list[asyncpg.Record]:
            watch.statements.append((statement, arguments))
            return await fetch(pool, statement, *arguments)

        pool.fetch = watched  # type: ignore[method-assign]  # a mock would not know the connection
        return watch


@pytest.fixture
async def watched(database: str) -> AsyncIterator[WatchedStore]:
    store = await PostgresStorage.open(PostgresSettings(database))
    connection = await asyncpg.connect(database, server_settings={"jit": "off"})
    try:
        watched = WatchedStore(store, connection)
        await watched.mark()
        yield watched
    finally:
        await connection.close()
        await store.close()


@pytest.fixture(params=["empty", "filled", "analysed"])
async def any_store(request: pytest.FixtureRequest, watched: WatchedStore) -> WatchedStore:
    """Tables as they may be when a statement is prepared: small and unknown, large and unknown, known."""
    if request.param != "empty":
        await watched.fill()
    if request.param == "analysed":
        await watched.connection.execute("VACUUM ANALYZE")
    return watched


MODES = pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
_USER = SubjectRef("user", "1")
_RELATION = ("tenant", "entity_type", "entity_id", "relation")


@MODES
@pytest.mark.parametrize(
    ("wanted", "indexes", "columns"),
    [
        (  # equal in all columns, so one descent into either
            Wanted(memberships=("viewer",)),
            ("tuples_by_entity", "tuples_by_subject"),
            (*_RELATION, "subject_relation =", "subject_type =", "subject_id ="),
        ),
        (Wanted(usersets=("viewer",)), ("tuples_by_entity",), (*_RELATION, "subject_relation >")),
        (Wanted(subjects=("viewer",)), ("tuples_by_entity",), _RELATION),
        (
            Wanted(attributes=("public",)),
            ("attributes_by_entity", "attributes_by_name"),
            ("tenant", "entity_type", "entity_id", "name"),
        ),
    ],
)
async def test_a_fact_is_one_descent_into_an_index(
    any_store: WatchedStore, mode: str, wanted: Wanted, indexes: Sequence[str], columns: Sequence[str]
) -> None:
    _, watch = await any_store.read(EntityRead("doc", "narrow", _USER, wanted))
    (look,) = await watch.looks(mode)
    assert look.sort in ("Index Scan", "Index Only Scan")
    assert look.index in indexes
    assert all(f"({column}" in look.condition for column in columns)


async def test_a_read_of_many_entities_is_one_statement(watched: WatchedStore) -> None:
    names = ("a", "b", "viewer")
    wanted = Wanted(names, names, names, names)
    reads = [EntityRead("doc", str(n), SubjectRef("user", str(n)), wanted) for n in range(400)]
    _, watch = await watched.read(*reads, EntityRead("doc", "narrow", _USER, Wanted(memberships=("viewer",))))
    assert len(watch.statements) == 1


async def test_there_are_few_texts_whatever_is_wanted(watched: WatchedStore) -> None:
    texts: set[str] = set()
    for names in (("a",), ("a", "b"), ("viewer", "x", "y")):
        for wanted in (Wanted(names), Wanted(names, names), Wanted(names, names, names)):
            for many in (1, 7):
                _, watch = await watched.read(*[EntityRead("doc", "narrow", _USER, wanted)] * many)
                texts.update(text for text, _ in watch.statements)
    assert len(texts) == 3


@pytest.mark.parametrize("wanted", [Wanted(memberships=("viewer",)), Wanted(usersets=("viewer",))])
@pytest.mark.parametrize("is_analysed", [True, False])
async def test_what_is_asked_of_a_wide_relation_costs_what_it_costs_of_a_narrow_one(
    watched: WatchedStore, wanted: Wanted, is_analysed: bool
) -> None:
    await watched.fill()
    if is_analysed:
        await watched.connection.execute("VACUUM ANALYZE")
    (narrow_facts,), narrow = await watched.read(EntityRead("doc", "narrow", _USER, wanted))
    (wide_facts,), wide = await watched.read(EntityRead("doc", "wide", _USER, wanted))
    assert narrow_facts == wide_facts != Facts(set(), {}, {}, {})
    assert await wide.blocks() <= await narrow.blocks() + 2


async def test_the_subjects_of_a_wide_relation_are_read_piece_by_piece_in_the_order_of_the_index(
    watched: WatchedStore,
) -> None:
    await watched.fill()
    (facts,), watch = await watched.read(EntityRead("doc", "wide", _USER, Wanted(subjects=("viewer",))))
    assert len(facts.subjects["viewer"]) == 6_002
    assert len(watch.statements) >= 4
    assert {look.index for look in await watch.looks()} == {"tuples_by_entity"}
    assert await watch.blocks() < 6_002  # each piece begins where the last one ended


async def test_the_subject_of_many_entities_is_found_in_one_as_any_other_is(watched: WatchedStore) -> None:
    await watched.fill()
    wanted = Wanted(memberships=("viewer",))
    (busy_facts,), busy = await watched.read(EntityRead("doc", "h7", SubjectRef("user", "holder"), wanted))
    (idle_facts,), idle = await watched.read(EntityRead("doc", "narrow", _USER, wanted))
    assert busy_facts == idle_facts == Facts({"viewer"}, {}, {}, {})
    assert await busy.blocks() <= await idle.blocks() + 2


_BY_SUBJECT = ("subject_type", "subject_id", "subject_relation", "entity_type", "relation", "entity_id >")


@MODES
@pytest.mark.parametrize(
    ("listing", "indexes", "columns"),
    [
        (HeldBy("doc", "viewer", "user", "", ["1", "holder"]), ["tuples_by_subject"], _BY_SUBJECT),
        (
            Holders("doc", "wide", "viewer", "user", ""),
            ["tuples_by_entity"],
            (*_RELATION, "ROW(subject_relation, subject_type, subject_id) >"),
        ),
        (WithAttribute("doc", "public"), ["attributes_by_name"], ("entity_type", "name", "entity_id >")),
        (
            KnownEntities("doc"),
            ["tuples_by_entity", "attributes_by_entity", "tuples_by_subject"],
            ("_type", "_id >"),
        ),
        (KnownSubjects("user", ""), ["tuples_by_subject"], ("subject_type", "subject_id >", "subject_relation")),
    ],
)
async def test_each_sort_of_list_comes_in_order_from_an_index(
    any_store: WatchedStore, mode: str, listing: Listing, indexes: Sequence[str], columns: Sequence[str]
) -> None:
    _, watch = await any_store.ids(listing, "a", 10)
    looks = await watch.looks(mode)
    assert {look.index for look in looks} == set(indexes)
    assert all(look.sort in ("Index Scan", "Index Only Scan") for look in looks)
    assert all(column in look.condition for look in looks for column in ("tenant", *columns))


@pytest.mark.parametrize(
    ("listing", "beyond"),
    [
        (HeldBy("doc", "viewer", "user", "", ["holder"]), "h"),
        (Holders("doc", "wide", "viewer", "user", ""), "w"),
        (KnownEntities("doc"), "vain"),  # the next one has 6000 rows, which are leapt over
        (KnownSubjects("user", ""), "holder"),
        (WithAttribute("doc", "public", is_true=True), "d"),
    ],
)
async def test_a_stretch_costs_its_own_length_however_long_the_list_is(
    watched: WatchedStore, listing: Listing, beyond: str
) -> None:
    await watched.fill()
    await watched.connection.execute("VACUUM ANALYZE")
    ids, watch = await watched.ids(listing, beyond, 10)
    assert ids
    assert await watch.blocks() < 250


_ONE, _MANY = ["d1"], ["d1", "d2", "wide-not"]


@MODES
@pytest.mark.parametrize("ids", [_ONE, _MANY])
@pytest.mark.parametrize(
    ("where", "index"),
    [
        (TupleFilter("doc"), "tuples_by_entity"),
        (TupleFilter("doc", relation="viewer"), "tuples_by_entity"),
        (TupleFilter("doc", subject_type="user"), "tuples_by_entity"),
    ],
)
async def test_tuples_of_named_entities_are_found_by_entity(
    any_store: WatchedStore, mode: str, ids: list[str], where: TupleFilter, index: str
) -> None:
    watch = await any_store.page(TupleFilter(where.entity_type, ids, where.relation, where.subject_type))
    (look,) = await watch.looks(mode)
    assert look.index == index
    assert "entity_type" in look.condition
    assert "entity_id" in look.condition
    assert look.removed_rows == 0


@MODES
async def test_tuples_of_named_subjects_are_found_by_subject_and_attributes_by_entity(
    any_store: WatchedStore, mode: str
) -> None:
    watch = await any_store.page(TupleFilter(relation="viewer", subject_type="user", subject_ids=["u1", "u2"]))
    (look,) = await watch.looks(mode)
    assert look.index == "tuples_by_subject"
    watch = await any_store.page(AttributeFilter("doc", ["d1"], ["public"]))
    (look,) = await watch.looks(mode)
    assert look.index in ("attributes_by_entity", "attributes_by_name")
    assert "entity_id" in look.condition


@MODES
@pytest.mark.parametrize(
    "where",
    [
        TupleFilter(),
        TupleFilter(entity_type="doc"),
        TupleFilter(entity_ids=_MANY),
        TupleFilter(relation="viewer", subject_ids=_ONE),
        TupleFilter(subject_relation="member"),
        AttributeFilter(),
        AttributeFilter(names=["public"]),
    ],
)
async def test_all_other_filters_walk_the_tenant_in_order_and_never_sort_it(
    watched: WatchedStore, mode: str, where: TupleFilter | AttributeFilter
) -> None:
    await watched.fill()
    await watched.connection.execute("VACUUM ANALYZE")
    watch = await watched.page(where)
    looks = await watch.looks(mode)
    assert looks
    assert all(look.index.endswith("_pkey") and "id >=" in look.condition for look in looks)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _literal(value: object) -> str:
    """An argument as SQL."""
    match value:
        case int():
            return f"'{value}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case (int(), int(), tuple(in_progress)):
            return f"'{value[0]}:{value[1]}:{','.join(map(str, in_progress))}'"
        case list() | tuple():
            return _literal("{" + ",".join(json.dumps(one, ensure_ascii=False) for one in value) + "}")
    raise TypeError(value)
