"""The read batcher: reads of all walks in flight, at equal snapshots, share round trips to the store.

A store across a network costs more per question than per row. So a read joins the batch of its tenant and snapshot that
is to go next, and a batch goes as soon as there is room among the flights: an idle node asks at once, a busy one asks
for as much as has come together meanwhile. There is no fixed delay.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from model.attributes import Attribute
from model.errors import Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import (
    AttributeFilter,
    EntityRead,
    Facts,
    Listing,
    Page,
    PageRequest,
    SnapshotReader,
    Stretch,
    TupleFilter,
)


class BatchedReads:
    """Fulfils SnapshotReader over another reader; ``running`` owns the flights.

    flights: batches asked at the same time; more keep more of the store's processors busy, fewer make larger batches.
    most_reads: in one batch; a single call may bring more by itself.
    """

    def __init__(self, reader: SnapshotReader, *, flights: int, most_reads: int) -> None:
        self._reader = reader
        self._flights_left = flights
        self._most_reads = most_reads
        self._waiting: deque[_Batch] = deque()
        self._open: dict[tuple[str, Snapshot], _Batch] = {}  # the last of those waiting at each snapshot
        self._group: asyncio.TaskGroup | None = None

    def __repr__(self) -> str:
        return f"<BatchedReads: {len(self._waiting)} waiting, room for {self._flights_left}>"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the context lasts reads are answered; at its end whoever still waits gets Unavailable."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                yield
            except Exception as error:  # comes out as it is, not in a group
                failure = error
            finally:
                self._group = None
                while self._waiting:
                    self._waiting.popleft().fail(Unavailable("the node is stopping"))
        if failure is not None:
            raise failure

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        """See SnapshotReader. Cancelled, the batch goes on for the others, or does not go if there are none."""
        if not reads:
            return ()
        group = self._group
        if group is None:
            raise Unavailable("the node is stopping")
        batch = self._open.get((tenant, snapshot))
        if batch is None or len(batch.reads) + len(reads) > self._most_reads:
            batch = self._open[tenant, snapshot] = _Batch(tenant, snapshot)
            self._waiting.append(batch)
        answer = batch.join(reads)
        if self._flights_left:
            self._take_off(group)
        return await answer

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> Sequence[Stretch]:
        """See SnapshotReader."""
        return await self._reader.list_ids(tenant, snapshot, listings, beyond=beyond, about=about)

    async def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Page[RelationTuple]:
        """See SnapshotReader."""
        return await self._reader.read_tuples(tenant, snapshot, where, page)

    async def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Page[Attribute]:
        """See SnapshotReader."""
        return await self._reader.read_attributes(tenant, snapshot, where, page)

    def _take_off(self, group: asyncio.TaskGroup) -> None:
        """Ask for the batch that has waited longest. Its task begins only once everybody ready now has joined it."""
        self._flights_left -= 1
        group.create_task(self._fly())

    async def _fly(self) -> None:
        """Batch after batch, as long as there are any."""
        try:
            while self._waiting:
                batch = self._waiting.popleft()
                if self._open.get(batch.key) is batch:
                    del self._open[batch.key]
                if batch.is_wanted:
                    await self._answer(batch)
        finally:
            self._flights_left += 1

    async def _answer(self, batch: _Batch) -> None:
        try:
            facts = await self._reader.read(*batch.key, batch.reads)
        except Exception as error:  # the shared flight: whatever it is, everybody in it hears of it
            batch.fail(error)
        else:
            batch.land(facts)


class _Batch:
    """Reads of several callers, asked together. reads: one after the other, caller by caller."""

    def __init__(self, tenant: str, snapshot: Snapshot) -> None:
        self.key = (tenant, snapshot)
        self.reads: list[EntityRead] = []
        self._answers: list[tuple[asyncio.Future[Sequence[Facts]], int]] = []

    @property
    def is_wanted(self) -> bool:
        """True if anybody still waits for it."""
        return any(not answer.done() for answer, _ in self._answers)

    def join(self, reads: Sequence[EntityRead]) -> asyncio.Future[Sequence[Facts]]:
        """Add a caller's reads; what they will be answered."""
        answer = asyncio.get_running_loop().create_future()
        self._answers.append((answer, len(self.reads)))
        self.reads += reads
        return answer

    def land(self, facts: Sequence[Facts]) -> None:
        """Give each caller its part."""
        ends = [start for _, start in self._answers[1:]] + [len(self.reads)]
        for (answer, start), end in zip(self._answers, ends, strict=True):
            if not answer.done():
                answer.set_result(facts[start:end])

    def fail(self, error: Exception) -> None:
        """Tell every caller."""
        for answer, _ in self._answers:
            if not answer.done():
                answer.set_exception(error)
