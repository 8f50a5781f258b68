"""A store in memory whose transactions overlap as PostgreSQL's do, and whose every call may be overtaken by others.

Ids are given when a transaction begins, and it may commit after many with higher ones; so snapshots are only partially
ordered, as they are in earnest. It keeps just what answering checks needs: rows, schemas, heads and news.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from model.attributes import Attribute, EntityAttribute
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import (
    AttributeFilter,
    EntityRead,
    Facts,
    Head,
    Listing,
    News,
    Page,
    PageRequest,
    SchemaRecord,
    Stretch,
    Touch,
    TupleFilter,
)
from tests.support.memory_reader import MemoryReader

Item = RelationTuple | Attribute
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Row:
    """An item, the transaction it came with, and the one it went with, if it did."""

    def __init__(self, item: Item, created: int) -> None:
        self.item = item
        self.created = created
        self.expired: int | None = None


class ConcurrentStore:
    """One tenant's data. chance decides how long calls take, in turns of the loop.

    news_told: at most so many transactions are told of; more are too much. histories: how often the past was lost.
    """

    def __init__(self, chance: random.Random, *, news_told: int = 1000) -> None:
        self._chance = chance
        self._news_told = news_told
        self._rows: list[Row] = []
        self._next = 1
        self._running: set[int] = set()
        self._touched: dict[int, list[RelationTuple | EntityAttribute]] = {}
        self._schemas: list[str] = []
        self.histories = 0

    # --- writing: the items a running transaction is about are nobody else's meanwhile, as locks see to in earnest ---

    def begin(self) -> int:
        """A transaction's id."""
        xid, self._next = self._next, self._next + 1
        self._running.add(xid)
        self._touched[xid] = []
        return xid

    def put(self, xid: int, item: Item) -> None:
        """Write an item, in place of what has its key."""
        self.take_away(xid, item)
        self._rows.append(Row(item, xid))
        self._touched[xid].append(_key_of(item))

    def take_away(self, xid: int, item: Item) -> None:
        """Delete the item that has this one's key, if there is any."""
        for row in self._rows:
            if _key_of(row.item) == _key_of(item) and row.expired is None:
                row.expired = xid
                self._touched[xid].append(_key_of(item))

    def commit(self, xid: int) -> Snapshot:
        """End a transaction; the snapshot that sees it."""
        self._running.remove(xid)
        return self.snapshot()

    def write_schema(self, text: str) -> str:
        """A new version, which is the latest; its id."""
        self._schemas.append(text)
        return str(len(self._schemas) - 1)

    def lose_past(self) -> None:
        """Fall back to an earlier state, as after a failover to a replica that lagged: ids will be used again."""
        first_lost = max(1, self._next - 3)
        self._rows = [row for row in self._rows if row.created < first_lost]
        for row in self._rows:
            if row.expired is not None and row.expired >= first_lost:
                row.expired = None
        self._touched = {xid: items for xid, items in self._touched.items() if xid < first_lost}
        self._next = first_lost
        self.histories += 1

    # --- what can be known ---

    def snapshot(self) -> Snapshot:
        """What has been committed by now, cut off behind the newest of it."""
        newest = max((xid for xid in range(1, self._next) if xid not in self._running), default=0)
        in_progress = frozenset(xid for xid in self._running if xid < newest)
        return Snapshot(min(in_progress, default=newest + 1), newest + 1, in_progress)

    def state_at(self, snapshot: Snapshot) -> tuple[list[RelationTuple], list[Attribute]]:
        """All that a snapshot sees."""
        items = [row.item for row in self._rows if _sees(snapshot, row)]
        tuples = [item for item in items if isinstance(item, RelationTuple)]
        return tuples, [item for item in items if isinstance(item, Attribute)]

    @property
    def is_quiet(self) -> bool:
        """True if no transaction runs."""
        return not self._running

    # --- the ports ---

    async def news(self, tenant: str, since: Snapshot | None) -> News:  # noqa: ARG002
        await self._pause()
        history, snapshot = str(self.histories), self.snapshot()
        head = Head(snapshot, str(len(self._schemas) - 1) if self._schemas else "")
        touches = None if since is None or not snapshot.covers(since) else self._touches(since, snapshot)
        await self._pause()
        return News(head, history, touches)

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        reader = MemoryReader(*self.state_at(snapshot))
        await self._pause()
        return await reader.read(tenant, snapshot, reads)

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> Sequence[Stretch]:
        reader = MemoryReader(*self.state_at(snapshot))
        await self._pause()
        return await reader.list_ids(tenant, snapshot, listings, beyond=beyond, about=about)

    async def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Page[RelationTuple]:
        raise NotImplementedError

    async def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Page[Attribute]:
        raise NotImplementedError

    async def read_schema(self, tenant: str, version: str) -> SchemaRecord | None:  # noqa: ARG002
        return SchemaRecord(version, self._schemas[int(version)], _NOW)

    def _touches(self, since: Snapshot, snapshot: Snapshot) -> list[Touch] | None:
        new = [xid for xid in self._touched if snapshot.sees(xid) and not since.sees(xid)]
        return [Touch(xid, self._touched[xid]) for xid in new] if len(new) <= self._news_told else None

    async def _pause(self) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 2, 5))):
            await asyncio.sleep(0)


def _key_of(item: Item) -> RelationTuple | EntityAttribute:
    return item.key if isinstance(item, Attribute) else item


def _sees(snapshot: Snapshot, row: Row) -> bool:
    return snapshot.sees(row.created) and not (row.expired is not None and snapshot.sees(row.expired))
