"""Paged reads in order of writing, which is the order of row ids.

A filter that names a type and ids of entities or subjects is answered through an index and sorted, as long as the index
leads to few rows. Otherwise the tenant's rows are walked in order of id from the token on, so that reading a wide
selection page by page passes over the tenant once, and never sorts it anew for each page. Either way each statement
looks at a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from typing import NamedTuple, TypeVar

import asyncpg

from model.snapshot import Snapshot
from storage.base import Page, PageRequest
from storage.postgres.reading import NO_ROWS, SnapshotReads
from storage.postgres.snapshots import visible
from storage.postgres.texts import is_searchable
from storage.restrictions import Restriction
from storage.tokens import row_id_of, token_of

T = TypeVar("T")

_LED_ROWS = 5000  # index entries looked at by one statement, some 10 ms; more are walked in order of id
_IDS_PER_STATEMENT = 1000
_WALKED_ROWS = 10_000
_MOST_ROWS = 2000  # what the driver decodes in two or three milliseconds, all at once


@dataclass(frozen=True, slots=True)
class Table:
    """A table of rows with tenant, id, created and expired.

    columns: what its values are made of, in their order. indexes: for each index, which columns it starts with behind
    the tenant; the second is the one that filters give lists for, and without the first two it leads nowhere narrow.
    """

    name: str
    columns: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...]


TUPLES = Table(
    name="ringward.tuples",
    columns=("entity_type", "entity_id", "relation", "subject_type", "subject_id", "subject_relation"),
    indexes=(
        ("entity_type", "entity_id", "relation", "subject_relation", "subject_type", "subject_id"),
        ("subject_type", "subject_id", "subject_relation", "entity_type", "relation", "entity_id"),
    ),
)
ATTRIBUTES = Table(
    name="ringward.attributes",
    columns=("entity_type", "entity_id", "name", "kind", "value"),
    indexes=(("entity_type", "entity_id", "name"),),
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a paged read asks for: rows of one tenant, visible at one snapshot, that a restriction allows."""

    table: Table
    tenant: str
    snapshot: Snapshot
    restriction: Restriction


async def read_page(
    reads: SnapshotReads, *, selection: Selection, page: PageRequest, make: Callable[[Sequence[object]], T]
) -> Page[T]:
    """One page of a selection; ``make`` turns the values of the table's columns into an item.

    Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a token that is not ours, and as ``SnapshotReads.fetch``.
    """
    first = row_id_of(page.token) if page.token else 0
    rows = await _Pager(reads, selection).rows(first=first, limit=page.size + 1)
    next_token = token_of(str(rows[page.size].id)) if len(rows) > page.size else ""
    return Page([make(row.values) for row in rows[: page.size]], next_token)


# Parameters: $2 tenant, $3 the id to begin at, $4 how many rows at most, then what each restricted column may be, in
# order. Every answer has a row, for how many rows were looked at. The rows an index leads to are asked for in its
# order: that, and the limit, keep the planner to one descent into this index per id, whatever it knows of the table.
_FIRST_VALUE = 5
_LISTED = {"entity_id", "subject_id", "name"}
_VISIBLE = visible("{at}")
_LED = """
WITH led AS MATERIALIZED (
  SELECT found.* FROM unnest({listed}::text[]) AS one (id) CROSS JOIN LATERAL (
    SELECT id, {columns}, created, expired FROM {table} WHERE tenant = $2 {led} {order} LIMIT {most}
  ) AS found
  LIMIT {most}
)
SELECT looked.looked_at, NULL::bigint AS through, found.* FROM (SELECT count(*) AS looked_at FROM led) AS looked
LEFT JOIN (
  SELECT id, {columns} FROM led WHERE id >= $3 {rest} AND {visible} ORDER BY id LIMIT $4
) AS found ON true
"""
_WALKED = """
WITH walked AS MATERIALIZED (
  SELECT id, {columns}, created, expired FROM {table} WHERE tenant = $2 AND id >= $3 ORDER BY id LIMIT {most}
)
SELECT looked.looked_at, looked.through, found.*
FROM (SELECT count(*) AS looked_at, max(id) AS through FROM walked) AS looked
LEFT JOIN (SELECT id, {columns} FROM walked WHERE {visible} {rest} ORDER BY id LIMIT $4) AS found ON true
"""


class _Row(NamedTuple):
    id: int
    values: Sequence[object]


class _Pager:
    """Finds the rows of one selection."""

    def __init__(self, reads: SnapshotReads, selection: Selection) -> None:
        self._reads = reads
        self._selection = selection
        self._restriction = {
            column: [value for value in dict.fromkeys(values) if is_searchable(value)]
            for column, values in selection.restriction.items()
        }

    async def rows(self, *, first: int, limit: int) -> Sequence[_Row]:
        """The ``limit`` lowest rows from id ``first`` on, in order of id; fewer if there are no more."""
        if not all(self._restriction.values()):
            await self._reads.fetch(self._selection.snapshot, NO_ROWS)
            return ()
        for index in self._selection.table.indexes:
            if index[0] in self._restriction and index[1] in self._restriction:
                found = await self._sorted(index, first=first, limit=limit)
                if found is not None:
                    return found
        return await self._walked(first=first, limit=limit)

    async def _sorted(self, index: tuple[str, ...], *, first: int, limit: int) -> Sequence[_Row] | None:
        """The rows an index leads to, or None if it leads to too many to sort them."""
        statement = _led_statement(self._selection.table, index, tuple(self._restriction))
        listed = self._restriction[index[1]]
        found: list[_Row] = []
        for start in range(0, len(listed), _IDS_PER_STATEMENT):
            part = {**self._restriction, index[1]: listed[start : start + _IDS_PER_STATEMENT]}
            rows = await self._fetch(statement, first, limit, part)
            if rows[0]["looked_at"] > _LED_ROWS:
                return None
            found = nsmallest(limit, [*found, *self._rows_in(rows)])
        return found

    async def _walked(self, *, first: int, limit: int) -> Sequence[_Row]:
        statement = _walking_statement(self._selection.table, tuple(self._restriction))
        found: list[_Row] = []
        while True:
            most = min(limit - len(found), _MOST_ROWS)
            rows = await self._fetch(statement, first, most, self._restriction)
            part = list(self._rows_in(rows))
            found += part
            if len(found) == limit:
                return found
            if len(part) == most:
                first = part[-1].id + 1
            elif rows[0]["looked_at"] == _WALKED_ROWS:
                first = rows[0]["through"] + 1
            else:
                return found

    async def _fetch(
        self, statement: str, first: int, limit: int, restriction: Restriction
    ) -> Sequence[asyncpg.Record]:
        values = (allowed if column in _LISTED else allowed[0] for column, allowed in restriction.items())
        return await self._reads.fetch(
            self._selection.snapshot, statement, self._selection.tenant, first, limit, *values
        )

    def _rows_in(self, rows: Sequence[asyncpg.Record]) -> Iterator[_Row]:
        """What the rows of an answer hold; one alone may hold nothing but how many were looked at."""
        behind = 3 + len(self._selection.table.columns)
        return (_Row(row[2], row[3:behind]) for row in rows if row[2] is not None)


@lru_cache(maxsize=256)
def _led_statement(table: Table, index: tuple[str, ...], restricted: tuple[str, ...]) -> str:
    """The statement that enters an index by the columns it shares with the restriction, up to the next list."""
    led = list(index[:2])
    for column in index[2:]:
        if column not in restricted or column in _LISTED:
            break
        led.append(column)
    places = {column: f"${place}" for place, column in enumerate(restricted, _FIRST_VALUE)}
    entered = {column: "one.id" if column == index[1] else places[column] for column in led}
    return _filled(
        _LED,
        table,
        listed=places[index[1]],
        order=f"ORDER BY {', '.join(index[len(led) :])}" if len(led) < len(index) else "",
        led="".join(f" AND {column} = {value}" for column, value in entered.items()),
        rest=_condition(item for item in places.items() if item[0] not in led),
        most=str(_LED_ROWS + 1),
    )


@lru_cache(maxsize=256)
def _walking_statement(table: Table, restricted: tuple[str, ...]) -> str:
    """The statement that looks at the next rows of the tenant."""
    places = ((column, f"${place}") for place, column in enumerate(restricted, _FIRST_VALUE))
    return _filled(_WALKED, table, rest=_condition(places), most=str(_WALKED_ROWS))


def _condition(places: Iterable[tuple[str, str]]) -> str:
    return "".join(
        f" AND {column} IN (SELECT unnest({place}::text[]))" if column in _LISTED else f" AND {column} = {place}"
        for column, place in places
    )


def _filled(form: str, table: Table, **parts: str) -> str:
    for part, text in {**parts, "table": table.name, "columns": ", ".join(table.columns), "visible": _VISIBLE}.items():
        form = form.replace(f"{{{part}}}", text)
    return form
