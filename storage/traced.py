"""Reads of a store as spans of the call they are for: how long it waited, and what it asked for.

A layer over a store. What a store reads for several calls at once is in the trace of each, from when it asked until it
knew.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from model.attributes import Attribute
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import (
    AttributeFilter,
    EntityRead,
    Facts,
    Listing,
    News,
    NewsSource,
    Page,
    PageRequest,
    SnapshotReader,
    Stretch,
    TupleFilter,
)
from telemetry.spans import SpanKind, child_span, current_span


class Reads(SnapshotReader, NewsSource, Protocol):
    """What answers are found by."""


class TracedReads:
    """Fulfils ``Reads``. What is read for a call that is not traced passes at the price of a look."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def __repr__(self) -> str:
        return f"<TracedReads of {self._reads!r}>"

    def read(
        self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]
    ) -> Coroutine[Any, Any, Sequence[Facts]]:
        """See SnapshotReader."""
        found = self._reads.read(tenant, snapshot, reads)
        return found if current_span() is None else _traced("storage.read", found, len(reads))

    def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> Coroutine[Any, Any, Sequence[Stretch]]:
        """See SnapshotReader."""
        found = self._reads.list_ids(tenant, snapshot, listings, beyond=beyond, about=about)
        return found if current_span() is None else _traced("storage.list", found, len(listings))

    def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Coroutine[Any, Any, Page[RelationTuple]]:
        """See SnapshotReader."""
        found = self._reads.read_tuples(tenant, snapshot, where, page)
        return found if current_span() is None else _traced("storage.tuples", found, page.size)

    def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Coroutine[Any, Any, Page[Attribute]]:
        """See SnapshotReader."""
        found = self._reads.read_attributes(tenant, snapshot, where, page)
        return found if current_span() is None else _traced("storage.attributes", found, page.size)

    def news(self, tenant: str, since: Snapshot | None) -> Coroutine[Any, Any, News]:
        """See NewsSource."""
        news = self._reads.news(tenant, since)
        return news if current_span() is None else _head(news)


async def _traced(name: str, found: Coroutine[Any, Any, Any], items: int) -> Any:
    with child_span(name, SpanKind.CLIENT) as span:
        assert span, "only what is traced comes here"
        span.note("ringward.items", items)
        return await found


async def _head(news: Coroutine[Any, Any, News]) -> News:
    with child_span("storage.head", SpanKind.CLIENT) as span:
        assert span, "only what is traced comes here"
        told = await news
        if told.touches is not None:
            span.note("ringward.transactions", len(told.touches))
        return told
