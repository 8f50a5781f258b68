"""Paged reads in order of writing, which is the order of row ids.

A filter that names entities or subjects is answered through an index and sorted, as long as the index leads to few
rows. Otherwise the tenant's rows are walked in order of id from the token on, so that reading a wide selection page
by page passes over the tenant once, and never sorts it anew for each page. Both ways go in turns of about a
millisecond with an await between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import TypeVar

from storage.base import Page, PageRequest
from storage.restrictions import Restriction
from storage.sqlite.filters import Index, Table, condition_of, leading, parameters_of
from storage.sqlite.layout import ROWS_PER_COMMIT
from storage.sqlite.reader import Reader, Row
from storage.sqlite.timeline import Timeline
from storage.tokens import row_id_of, token_of

T = TypeVar("T")

_NARROW_ROWS = 2000  # index entries looked at in one turn; more are walked in order of id
_IDS_PER_TURN = 50
_WINDOW_ROWS = 1000
_ROWS_PER_TURN = 200


@dataclass(frozen=True, slots=True)
class Selection:
    """What a paged read asks for: rows of one tenant, visible at one commit, that a restriction allows."""

    table: Table
    tenant: str
    number: int
    restriction: Restriction


async def read_page(
    reader: Reader, timeline: Timeline, *, selection: Selection, page: PageRequest, make: Callable[[Row], T]
) -> Page[T]:
    """One page of a selection; ``make`` turns a row of the table's columns into an item.

    Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a token that is not ours, SnapshotExpired if the horizon
    passes the commit while we read, and what ``Reader`` raises.
    """
    first = row_id_of(page.token) if page.token else 0
    rows = await _Pager(reader, timeline, selection).rows(first=first, limit=page.size + 1)
    next_token = token_of(str(rows[page.size][0])) if len(rows) > page.size else ""
    return Page([make(row[1:]) for row in rows[: page.size]], next_token)


async def rows_in_turns(turn: Callable[[Row | None, int], list[Row]], *, limit: int) -> list[Row]:
    """Up to ``limit`` rows, fetched a part at a time with an await between the parts.

    turn gives at most so many rows that follow the last one it gave, None at the start.
    """
    rows: list[Row] = []
    while len(rows) < limit:
        wanted = min(limit - len(rows), _ROWS_PER_TURN)
        part = turn(rows[-1] if rows else None, wanted)
        rows += part
        if len(part) < wanted:
            break
        await asyncio.sleep(0)
    return rows


class _Pager:
    """Finds the rows of one selection; each row starts with its id."""

    def __init__(self, reader: Reader, timeline: Timeline, selection: Selection) -> None:
        self._reader = reader
        self._timeline = timeline
        self._selection = selection
        self._end = (selection.number + 1) * ROWS_PER_COMMIT  # rows from this id on were created later

    async def rows(self, *, first: int, limit: int) -> Sequence[Row]:
        """The ``limit`` lowest rows from id ``first`` on, in order of id; fewer if there are no more."""
        for index in self._selection.table.indexes_for(self._selection.restriction):
            found = await self._sorted(index, first=first, limit=limit)
            if found is not None:
                return found
        return await self._walked(first=first, limit=limit)

    async def _sorted(self, index: Index, *, first: int, limit: int) -> Sequence[Row] | None:
        """The rows an index leads to, or None if it leads to too many to sort them."""
        whole, listed = self._selection.restriction, index.columns[1]
        found: Sequence[Row] = ()
        values = whole[listed]
        step = max([_IDS_PER_TURN, *(len(others) for column, others in whole.items() if column != listed)])
        for start in range(0, len(values), step):
            part = {**whole, listed: values[start : start + step]}
            if self._is_wide(index, part):
                return None
            found = nsmallest(limit, [*found, *self._index_rows(index, part, first=first, limit=limit)])
            await self._pause()
        return found

    async def _walked(self, *, first: int, limit: int) -> Sequence[Row]:
        window = max([_WINDOW_ROWS, *(len(values) for values in self._selection.restriction.values())])
        found: list[Row] = []
        while True:
            behind = self._window_end(first, window)
            found += self._window_rows(first, behind, limit - len(found))
            if behind == self._end or len(found) == limit:
                self._timeline.ensure_readable(self._selection.number)
                return found
            first = behind
            await self._pause()

    async def _pause(self) -> None:
        self._timeline.ensure_readable(self._selection.number)
        await asyncio.sleep(0)

    def _is_wide(self, index: Index, part: Restriction) -> bool:
        led = leading(index, part)
        statement = (
            f"SELECT count(*) FROM (SELECT 1 FROM {self._selection.table.name} INDEXED BY {index.name}"  # noqa: S608 - names are constants
            f" WHERE tenant = ?{condition_of(led)} LIMIT ?)"
        )
        ((entries,),) = self._reader.rows(statement, (self._selection.tenant, *parameters_of(led), _NARROW_ROWS + 1))
        return int(entries) > _NARROW_ROWS

    def _index_rows(self, index: Index, part: Restriction, *, first: int, limit: int) -> list[Row]:
        return self._fetch(index.name, part, between=(first, self._end), limit=limit)

    def _window_end(self, first: int, window: int) -> int:
        statement = (
            f"SELECT id FROM {self._selection.table.name} INDEXED BY {self._selection.table.by_tenant}"  # noqa: S608 - names are constants
            " WHERE tenant = ? AND id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"
        )
        rows = self._reader.rows(statement, (self._selection.tenant, first, self._end, window))
        return int(rows[0][0]) if rows else self._end

    def _window_rows(self, first: int, behind: int, limit: int) -> list[Row]:
        by_tenant = self._selection.table.by_tenant
        return self._fetch(by_tenant, self._selection.restriction, between=(first, behind), limit=limit)

    def _fetch(self, index: str, restriction: Restriction, *, between: tuple[int, int], limit: int) -> list[Row]:
        table = self._selection.table
        statement = (
            f"SELECT id, {', '.join(table.columns)} FROM {table.name} INDEXED BY {index}"  # noqa: S608 - names are constants
            f" WHERE tenant = ?{condition_of(restriction)} AND id >= ? AND id < ? AND expired > ?"
            " ORDER BY id LIMIT ?"
        )
        scope = (*between, self._selection.number, limit)
        return self._reader.rows(statement, (self._selection.tenant, *parameters_of(restriction), *scope))
