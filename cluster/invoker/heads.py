"""Heads, and the news that come with them: every reading of a head carries the tenant's chronicle on.

A request at head must see every write acknowledged before it arrived, so each asks the store anew; the store reads once
for all who wait. What it answers is taken in by the first who runs, and the others find it done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain

from cachetools import LRUCache

from cluster.invoker.chronicle import Chronicle
from cluster.invoker.dependencies import keys_touched_by
from model.attributes import EntityAttribute
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Head, News, NewsSource

_MOST_TENANTS = 10_000  # with a chronicle; a tenant that had to give its up begins anew, and so do its cached answers
_ITEMS_PER_TURN = 100  # whose keys are made in one go; some 3 µs each


class Heads:
    """The chronicles of all tenants this node is asked about. Used from one event loop.

    requests: how many heads were asked for.
    """

    def __init__(self, source: NewsSource) -> None:
        self._source = source
        self.requests = 0
        self._chronicles: LRUCache[str, Chronicle] = LRUCache(_MOST_TENANTS)
        self._bulk = asyncio.Lock()

    async def head(self, tenant: str) -> Head:
        """The tenant's head, read after the call, for whoever wants nothing cached. Raises as ``latest``."""
        self.requests += 1
        return (await self._source.news(tenant, None)).head

    async def latest(self, tenant: str) -> Chronicle:
        """The tenant's chronicle, with a head that was read after the call. Raises as ``NewsSource.news``."""
        self.requests += 1
        known = self._chronicles.get(tenant)
        since = known.head.snapshot if known else None
        news = await self._source.news(tenant, since)
        known = self._chronicles.get(tenant)
        if known and known.has_heard(news):
            return known
        if known is None or not known.is_relied_on or news.touches is None:
            return self._take_in(tenant, since, news, None)  # whatever was touched, no answer hangs on it
        items = list(chain.from_iterable(touch.items for touch in news.touches))
        if len(items) <= _ITEMS_PER_TURN:
            return self._take_in(tenant, since, news, keys_touched_by(items))
        async with self._bulk:  # one works through it, and whoever waits for the same finds it done
            known = self._chronicles.get(tenant)
            if known and known.has_heard(news):
                return known
            return self._take_in(tenant, since, news, await _keys_in_turns(items))

    def __repr__(self) -> str:
        return f"Heads({len(self._chronicles)} tenants)"

    def _take_in(self, tenant: str, since: Snapshot | None, news: News, touched: set[int] | None) -> Chronicle:
        """Carry the chronicle on to the news, whatever others have taken in since they were asked for."""
        known = self._chronicles.get(tenant)
        if known and known.has_heard(news):
            return known
        if known and known.can_go_on_to(news):
            present = known.head.snapshot
            # since an earlier head they tell some of it again, which does no harm; since a later one, too little
            known.go_on(news.head, touched if since and present.covers(since) else None)
            return known
        chronicle = self._chronicles[tenant] = Chronicle(news.head, news.history)
        return chronicle


async def _keys_in_turns(items: Sequence[RelationTuple | EntityAttribute]) -> set[int]:
    keys: set[int] = set()
    for start in range(0, len(items), _ITEMS_PER_TURN):
        keys |= keys_touched_by(items[start : start + _ITEMS_PER_TURN])
        await asyncio.sleep(0)
    return keys
