"""What a changeset costs in statements, what it leaves in the tables, and by which way rows are found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import asyncpg
import pytest

from model.errors import InvalidRequest
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Changeset, TupleFilter
from storage.postgres import changes
from storage.postgres.snapshots import LIVE
from storage.storable import ensure_no_nul
from tests.conformance.examples import attributes, tuples

_MANY = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(1000)]


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database)
    yield opened
    await opened.close()


@contextmanager
def watching(connection: asyncpg.Connection) -> Iterator[list[str]]:
    """The first words of the statements run meanwhile."""
    found: list[str] = []
    with connection.query_logger(lambda query: found.append(" ".join(query.query.split()[:3]))):
        yield found


async def apply(connection: asyncpg.Connection, *changesets: Changeset) -> None:
    async with connection.transaction():
        await changes.apply_changesets(connection, "t1", changesets)


async def rows_of(connection: asyncpg.Connection, table: str) -> list[tuple[str, bool]]:
    """Ids of entities in order of writing, and whether the row is live."""
    rows = await connection.fetch(f"SELECT entity_id, expired = '{LIVE}' FROM ringward.{table} ORDER BY id")
    return [tuple(row) for row in rows]


async def test_a_thousand_tuples_are_one_statement_whether_they_come_or_go(connection: asyncpg.Connection) -> None:
    with watching(connection) as statements:
        await apply(connection, Changeset(_MANY))
        await apply(connection, Changeset((), (), _MANY))
    assert [text for text in statements if "ringward" in text] == [
        "INSERT INTO ringward.tuples",
        "UPDATE ringward.tuples SET",
    ]
    assert await rows_of(connection, "tuples") == [(row.entity_id, False) for row in _MANY]


async def test_nothing_to_do_is_no_statement(connection: asyncpg.Connection) -> None:
    with watching(connection) as statements:
        await changes.apply_changesets(connection, "t1", [Changeset(), Changeset()])
    assert statements == []


async def test_more_than_a_thousand_keep_their_order(connection: asyncpg.Connection) -> None:
    many = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(2500, 0, -1)]
    await apply(connection, Changeset(many))
    assert [entity_id for entity_id, _ in await rows_of(connection, "tuples")] == [row.entity_id for row in many]


async def test_what_one_transaction_writes_and_deletes_leaves_no_row(connection: asyncpg.Connection) -> None:
    rows, values = tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1")
    gone = Changeset((), (), rows, [values[0].key])
    await apply(connection, Changeset(rows, values), gone)
    assert (await rows_of(connection, "tuples"), await rows_of(connection, "attributes")) == ([], [])
    await apply(connection, Changeset(rows, values))
    await apply(connection, gone, Changeset(rows, values), gone, Changeset(rows, values))
    for table in ("tuples", "attributes"):
        assert await rows_of(connection, table) == [("1", False), ("1", True)]


async def test_a_replaced_value_stays_for_old_snapshots_unless_it_is_of_the_same_transaction(
    connection: asyncpg.Connection,
) -> None:
    for values in (("doc:1$n|integer:1",), ("doc:1$n|integer:2", "doc:1$n|integer:3")):
        await apply(connection, *(Changeset((), attributes(value)) for value in values))
    rows = await connection.fetch(f"SELECT value, expired = '{LIVE}' FROM ringward.attributes ORDER BY id")
    assert [tuple(row) for row in rows] == [("1", False), ("3", True)]


async def test_a_filter_expires_live_rows_of_its_tenant_and_nothing_else(connection: asyncpg.Connection) -> None:
    await apply(connection, Changeset(tuples("doc:1#viewer@user:1", "doc:2#viewer@user:1")))
    await apply(connection, Changeset((), (), tuples("doc:1#viewer@user:1")))
    before = await connection.fetchval("SELECT expired FROM ringward.tuples WHERE entity_id = '1'")
    async with connection.transaction():
        await changes.expire_matching(connection, "other", TupleFilter())
        await changes.expire_matching(connection, "t1", TupleFilter(entity_ids=["1\0", "3"]))
        await changes.expire_matching(connection, "t1", AttributeFilter())
    assert await rows_of(connection, "tuples") == [("1", False), ("2", True)]
    async with connection.transaction():
        await changes.expire_matching(connection, "t1", TupleFilter())
    assert await rows_of(connection, "tuples") == [("1", False), ("2", False)]
    assert await connection.fetchval("SELECT expired FROM ringward.tuples WHERE entity_id = '1'") == before


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_keys_that_go_are_found_one_by_one_through_an_index(
    connection: asyncpg.Connection, is_analyzed: bool
) -> None:
    """Also when nothing is known of the table yet: joined as a whole, 500 keys would read all of it."""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await apply(connection, Changeset(_MANY))
    if is_analyzed:
        await connection.execute("ANALYZE ringward.tuples")
    columns = tuple(zip(*_MANY[:500], strict=True))
    for statement in (changes._EXPIRE_TUPLES, changes._FORGET_TUPLES):
        async with connection.transaction():
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", "t1", *columns))
        assert "Seq Scan" not in plan
        assert "Hash Join" not in plan
        assert "subject_id = gone.subject_id) AND (subject_relation" in plan or "entity_id = gone.entity_id" in plan


@pytest.mark.parametrize(
    "changeset",
    [
        Changeset([RelationTuple("doc", "1\0", "viewer", "user", "1")]),
        Changeset((), [*attributes("doc:1$n|integer:1"), attributes("doc:1$n|integer:1")[0]._replace(name="\0")]),
    ],
)
def test_names_with_nul_are_refused_and_quoted(changeset: Changeset) -> None:
    with pytest.raises(InvalidRequest, match=r"\\x00"):
        ensure_no_nul([Changeset(), changeset])
