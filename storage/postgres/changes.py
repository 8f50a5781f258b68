"""Statements that change tuples and attributes as part of one transaction, many rows at a time.

The transaction holds the locks on all it touches (``locks.py``), so nobody else changes these rows meanwhile, and every
row it finds live was made by a transaction with a lower id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import asyncpg

from model.attributes import Attribute, EntityAttribute
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Changeset, TupleFilter
from storage.postgres.snapshots import LIVE
from storage.restrictions import restriction_of
from storage.storable import last_values
from storage.values import encode_value

T = TypeVar("T")

# Identities are given out in the order of writing, which is what pages and the feed are sorted by.
_WRITE_TUPLES = """
INSERT INTO ringward.tuples (tenant, entity_type, entity_id, relation, subject_type, subject_id, subject_relation)
SELECT $1, entity_type, entity_id, relation, subject_type, subject_id, subject_relation
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) WITH ORDINALITY
    AS written (entity_type, entity_id, relation, subject_type, subject_id, subject_relation, place)
ORDER BY place
ON CONFLICT (tenant, entity_type, entity_id, relation, subject_relation, subject_type, subject_id, expired) DO NOTHING
"""
_WRITE_ATTRIBUTES = """
INSERT INTO ringward.attributes (tenant, entity_type, entity_id, name, kind, value)
SELECT $1, entity_type, entity_id, name, kind, value
FROM unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[]) WITH ORDINALITY
    AS written (entity_type, entity_id, name, kind, value, place)
ORDER BY place
"""
# LIMIT keeps each key a descent of its own: joined otherwise, a planner that knows no better reads the whole table.
_LIVE_TUPLES = f"""
SELECT live.id, live.created
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    AS gone (entity_type, entity_id, relation, subject_type, subject_id, subject_relation)
CROSS JOIN LATERAL (
    SELECT id, created FROM ringward.tuples
    WHERE tenant = $1 AND entity_type = gone.entity_type AND entity_id = gone.entity_id AND relation = gone.relation
        AND subject_relation = gone.subject_relation AND subject_type = gone.subject_type
        AND subject_id = gone.subject_id AND expired = '{LIVE}'
    LIMIT 1
) AS live
"""  # noqa: S608 - names are constants
_LIVE_ATTRIBUTES = f"""
SELECT live.id, live.created
FROM unnest($2::text[], $3::text[], $4::text[]) AS gone (entity_type, entity_id, name)
CROSS JOIN LATERAL (
    SELECT id, created FROM ringward.attributes
    WHERE tenant = $1 AND entity_type = gone.entity_type AND entity_id = gone.entity_id AND name = gone.name
        AND expired = '{LIVE}'
    LIMIT 1
) AS live
"""  # noqa: S608 - names are constants

# A row written and deleted in one transaction is visible to no snapshot and goes at once; others stay for old ones.
_FORGET = """
DELETE FROM ringward.{table} USING ({live}) AS live
WHERE {table}.tenant = $1 AND {table}.id = live.id AND live.created = pg_current_xact_id()
"""
_EXPIRE = """
UPDATE ringward.{table} SET expired = pg_current_xact_id() FROM ({live}) AS live
WHERE {table}.tenant = $1 AND {table}.id = live.id
"""
_FORGET_TUPLES = _FORGET.format(table="tuples", live=_LIVE_TUPLES)
_EXPIRE_TUPLES = _EXPIRE.format(table="tuples", live=_LIVE_TUPLES)
_FORGET_ATTRIBUTES = _FORGET.format(table="attributes", live=_LIVE_ATTRIBUTES)
_EXPIRE_ATTRIBUTES = _EXPIRE.format(table="attributes", live=_LIVE_ATTRIBUTES)

_ROWS_PER_STATEMENT = 1000  # what the event loop encodes in about a millisecond


async def apply_changesets(connection: asyncpg.Connection, tenant: str, changesets: Sequence[Changeset]) -> None:
    """Apply changesets one after another, each in the order a Changeset promises."""
    transaction = _Transaction(connection, tenant)
    for changes in changesets:
        await transaction.write_tuples(changes.tuples_written)
        await transaction.write_attributes(changes.attributes_written)
        await transaction.delete_tuples(changes.tuples_deleted)
        await transaction.delete_attributes(changes.attributes_deleted)


async def expire_matching(connection: asyncpg.Connection, tenant: str, where: TupleFilter | AttributeFilter) -> None:
    """Delete what a filter matches, in a transaction that has written nothing."""
    table = "tuples" if isinstance(where, TupleFilter) else "attributes"
    restriction = restriction_of(where)
    condition = "".join(
        f" AND {column} = ANY (${number}::text[])" for number, column in enumerate(restriction, start=2)
    )
    await connection.execute(
        f"UPDATE ringward.{table} SET expired = pg_current_xact_id()"  # noqa: S608 - names are constants
        f" WHERE tenant = $1 AND expired = '{LIVE}'{condition}",
        tenant,
        *(
            [value for value in values if "\0" not in value] for values in restriction.values()
        ),  # no stored name has NUL
    )


class _Transaction:
    """A transaction in the making; knows whether it may have rows of its own to forget."""

    def __init__(self, connection: asyncpg.Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant
        self._has_tuples = False
        self._has_attributes = False

    async def write_tuples(self, tuples: Sequence[RelationTuple]) -> None:
        for part in _parts(tuples):
            await self._run(_WRITE_TUPLES, part)
            self._has_tuples = True

    async def write_attributes(self, attributes: Iterable[Attribute]) -> None:
        last = last_values(attributes)
        await self.delete_attributes(tuple(last))
        for part in _parts([(*key, *encode_value(value)) for key, value in last.items()]):
            await self._run(_WRITE_ATTRIBUTES, part)
            self._has_attributes = True

    async def delete_tuples(self, tuples: Sequence[RelationTuple]) -> None:
        for part in _parts(tuples):
            if self._has_tuples:
                await self._run(_FORGET_TUPLES, part)
            await self._run(_EXPIRE_TUPLES, part)

    async def delete_attributes(self, keys: Sequence[EntityAttribute]) -> None:
        for part in _parts(keys):
            if self._has_attributes:
                await self._run(_FORGET_ATTRIBUTES, part)
            await self._run(_EXPIRE_ATTRIBUTES, part)

    async def _run(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement over rows, which it takes column by column."""
        await self._connection.execute(statement, self._tenant, *zip(*rows, strict=True))


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        yield rows[start : start + _ROWS_PER_STATEMENT]
