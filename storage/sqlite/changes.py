"""Statements that change tuples and attributes as part of one commit. They run on the writer thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import count

from model.attributes import Attribute, EntityAttribute
from model.errors import ErrorCode, LimitExceeded
from model.tuples import RelationTuple
from storage.base import Changeset
from storage.restrictions import Restriction
from storage.sqlite.filters import Table, condition_of, parameters_of
from storage.sqlite.layout import CREATED, LIVE, ROWS_PER_COMMIT
from storage.storable import ensure_no_nul, last_values
from storage.values import encode_value

_WRITE_TUPLE = """
INSERT INTO tuples (entity_type, entity_id, relation, subject_type, subject_id, subject_relation, tenant, id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (tenant, entity_type, entity_id, relation, subject_relation, subject_type, subject_id, expired) DO NOTHING
"""
_WRITE_ATTRIBUTE = """
INSERT INTO attributes (entity_type, entity_id, name, tenant, id, kind, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
"""
_LIVE_TUPLE = f"""
WHERE entity_type = ?1 AND entity_id = ?2 AND relation = ?3 AND subject_type = ?4 AND subject_id = ?5
  AND subject_relation = ?6 AND tenant = ?7 AND expired = {LIVE}
"""
_LIVE_ATTRIBUTE = f"WHERE entity_type = ?1 AND entity_id = ?2 AND name = ?3 AND tenant = ?4 AND expired = {LIVE}"

# A row written and deleted in one commit is visible to no snapshot and goes at once; others stay for old snapshots.
_FORGET_TUPLE = f"DELETE FROM tuples {_LIVE_TUPLE} AND {CREATED} = ?8"  # noqa: S608 - names are constants
_EXPIRE_TUPLE = f"UPDATE tuples SET expired = ?8 {_LIVE_TUPLE}"  # noqa: S608 - names are constants
_FORGET_ATTRIBUTE = f"DELETE FROM attributes {_LIVE_ATTRIBUTE} AND {CREATED} = ?5"  # noqa: S608 - names are constants
_EXPIRE_ATTRIBUTE = f"UPDATE attributes SET expired = ?5 {_LIVE_ATTRIBUTE}"  # noqa: S608 - names are constants


def ensure_storable(changesets: Sequence[Changeset]) -> None:
    """Raise InvalidRequest (VALIDATION) if a name or an id contains NUL, which no store can hold and filter by.

    Raises LimitExceeded for 2^24 rows or more, which one commit cannot number.
    """
    ensure_no_nul(changesets)
    rows = sum(len(changes.tuples_written) + len(changes.attributes_written) for changes in changesets)
    if rows >= ROWS_PER_COMMIT:
        raise LimitExceeded(f"{rows} rows in one write", ErrorCode.MAX_DATA_PER_WRITE_EXCEEDED)


def apply_changesets(
    connection: sqlite3.Connection, *, tenant: str, number: int, changesets: Sequence[Changeset]
) -> None:
    """Apply changesets one after another as commit ``number``, each in the order a Changeset promises."""
    commit = _Commit(connection, tenant, number)
    for changes in changesets:
        commit.write_tuples(changes.tuples_written)
        commit.write_attributes(changes.attributes_written)
        commit.delete_tuples(changes.tuples_deleted)
        commit.delete_attributes(changes.attributes_deleted)


def expire_matching(
    connection: sqlite3.Connection, *, tenant: str, number: int, table: Table, restriction: Restriction
) -> None:
    """Delete what a restriction allows, as commit ``number``, which has written nothing."""
    indexes = table.indexes_for(restriction)
    index = indexes[0].name if indexes else table.by_tenant
    connection.execute(
        f"UPDATE {table.name} INDEXED BY {index} SET expired = ?"  # noqa: S608 - names are constants
        f" WHERE tenant = ?{condition_of(restriction)} AND expired = {LIVE}",
        (number, tenant, *parameters_of(restriction)),
    )


class _Commit:
    """One commit in the making; numbers its rows in the order they are written."""

    def __init__(self, connection: sqlite3.Connection, tenant: str, number: int) -> None:
        self._connection = connection
        self._tenant = tenant
        self._number = number
        self._row_ids = count(number * ROWS_PER_COMMIT)

    def write_tuples(self, tuples: Iterable[RelationTuple]) -> None:
        tenant = self._tenant
        rows = [
            (*item, tenant, row_id) for item, row_id in zip(tuples, self._row_ids, strict=False)
        ]  # the ids never end
        self._connection.executemany(_WRITE_TUPLE, rows)

    def write_attributes(self, attributes: Iterable[Attribute]) -> None:
        last = last_values(attributes)
        self.delete_attributes(last)
        rows = [
            (*key, self._tenant, row_id, *encode_value(value))
            for (key, value), row_id in zip(last.items(), self._row_ids, strict=False)
        ]
        self._connection.executemany(_WRITE_ATTRIBUTE, rows)

    def delete_tuples(self, tuples: Iterable[RelationTuple]) -> None:
        self._delete(_FORGET_TUPLE, _EXPIRE_TUPLE, tuples)

    def delete_attributes(self, keys: Iterable[EntityAttribute]) -> None:
        self._delete(_FORGET_ATTRIBUTE, _EXPIRE_ATTRIBUTE, keys)

    def _delete(self, forget: str, expire: str, keys: Iterable[tuple[str, ...]]) -> None:
        rows = [(*key, self._tenant, self._number) for key in keys]
        self._connection.executemany(forget, rows)
        self._connection.executemany(expire, rows)
