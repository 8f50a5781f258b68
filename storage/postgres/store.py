"""The store: which part answers which call. All work is done in the modules it connects."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from model.attributes import Attribute
from model.errors import ErrorCode, StorageFailed, Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from model.xid import XidSequence, time_of_xid
from storage.base import (
    AttributeFilter,
    Bundle,
    Changeset,
    CollectionReport,
    Commit,
    EntityRead,
    Facts,
    Head,
    Listing,
    News,
    Page,
    PageRequest,
    SchemaRecord,
    Stretch,
    Tenant,
    TupleFilter,
)
from storage.postgres import bundles, pages, schemas, tenants
from storage.postgres.arrivals import Arrivals
from storage.postgres.collection import Collector
from storage.postgres.connecting import open_connection
from storage.postgres.counts import StoreCounts
from storage.postgres.feed import ChangeReader
from storage.postgres.heads import Heads
from storage.postgres.lag import ReplicaLag
from storage.postgres.lists import ListReader
from storage.postgres.news import NewsReader
from storage.postgres.points import EntityReader
from storage.postgres.pools import Pools
from storage.postgres.readiness import ensure_ready
from storage.postgres.reading import SnapshotReads
from storage.postgres.settings import PostgresSettings
from storage.postgres.writer import Writer
from storage.restrictions import restriction_of
from storage.values import attribute_of

_STATE = """
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS is_read_only
FROM ringward.horizon
"""


class PostgresStorage:
    """Fulfils ``storage.base.Storage`` over one PostgreSQL database, which any number of nodes share.

    Used from one event loop.
    """

    def __init__(self, pools: Pools, settings: PostgresSettings, clock: Callable[[], float]) -> None:
        self._pools = pools
        self._heads = Heads(pools.writer)
        self._news = NewsReader(self._heads, pools.writer)
        self._arrivals = Arrivals(pools.writer, connect=partial(open_connection, settings))
        self._feed = ChangeReader(pools.writer, self._arrivals)
        self._writer = Writer(pools.writer, settings, announce=self._arrivals.announce)
        self._collector = Collector(self._writer)
        self._reads = SnapshotReads(pools)
        self._lag = ReplicaLag(self._heads, self._reads) if pools.reader is not pools.writer else None
        self._entities = EntityReader(self._reads)
        self._lists = ListReader(self._reads)
        self._versions = XidSequence(clock, origin=os.urandom(5), first_counter=int.from_bytes(os.urandom(3), "big"))

    @classmethod
    async def open(cls, settings: PostgresSettings, clock: Callable[[], float] = time.time) -> Self:
        """The store in a database that has our tables. clock gives Unix seconds.

        Raises Unavailable if it cannot be reached, StorageFailed if it refuses us or cannot be served from, saying
        what to do.
        """
        pools = await Pools.open(settings)
        try:
            await ensure_ready(pools.writer.fetch)
        except BaseException:
            await pools.close()
            raise
        return cls(pools, settings, clock)

    # --- reads at a snapshot ---

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        """See SnapshotReader. Reads of several callers at one snapshot go together."""
        return await self._entities.read(tenant, snapshot, reads)

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> Sequence[Stretch]:
        """See SnapshotReader."""
        return await self._lists.list_ids(tenant, snapshot, listings, beyond=beyond, about=about)

    async def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Page[RelationTuple]:
        """See SnapshotReader."""
        selection = pages.Selection(pages.TUPLES, tenant, snapshot, restriction_of(where))
        return await pages.read_page(self._reads, selection=selection, page=page, make=RelationTuple._make)

    async def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Page[Attribute]:
        """See SnapshotReader."""
        selection = pages.Selection(pages.ATTRIBUTES, tenant, snapshot, restriction_of(where))
        return await pages.read_page(self._reads, selection=selection, page=page, make=attribute_of)

    # --- changes ---

    async def write(self, tenant: str, changesets: Sequence[Changeset]) -> Snapshot:
        """See DataWriter. Raises InvalidRequest (VALIDATION) for names that cannot be stored."""
        return await self._writer.write(tenant, changesets)

    async def delete(self, tenant: str, tuples: TupleFilter | None, attributes: AttributeFilter | None) -> Snapshot:
        """See DataWriter."""
        return await self._writer.delete(tenant, tuples, attributes)

    # --- the change feed ---

    async def commits_since(self, tenant: str, since: Snapshot, most: int) -> Sequence[Commit]:
        """See ChangeFeed. Snapshots from before a tenant was deleted are refused like those behind the horizon."""
        return await self._feed.commits_since(tenant, since, most)

    async def wait_for_commit(self, tenant: str, since: Snapshot) -> None:
        """See ChangeFeed. Raises as ``commits_since`` when it is called, and Unavailable once the store is closed."""
        await self._feed.wait_for_commit(tenant, since)

    # --- schemas, read from the writer: a replica may not have one that was acknowledged ---

    async def write_schema(self, tenant: str, text: str, *, replacing: str | None = None) -> str:
        """See SchemaStore."""
        version = self._versions.next()
        record = SchemaRecord(version, text, time_of_xid(version))
        await schemas.insert_schema(self._writer, tenant, record, replacing=replacing)
        return version

    async def read_schema(self, tenant: str, version: str) -> SchemaRecord | None:
        """See SchemaStore."""
        return await schemas.schema_of(self._pools.writer, tenant, version)

    async def list_schemas(self, tenant: str, page: PageRequest) -> Page[SchemaRecord]:
        """See SchemaStore."""
        return await schemas.schemas_page(self._pools.writer, tenant, page)

    # --- tenants ---

    async def create_tenant(self, tenant_id: str, name: str) -> Tenant:
        """See TenantStore."""
        return await tenants.insert_tenant(self._writer, tenant_id, name)

    async def delete_tenant(self, tenant_id: str) -> None:
        """See TenantStore. It is a commit: the head moves, since what snapshots of the tenant show has changed.

        For the feed the tenant begins anew with it: what came before is refused.
        """
        await tenants.remove_tenant(self._writer, tenant_id)

    async def list_tenants(self, page: PageRequest) -> Page[Tenant]:
        """See TenantStore."""
        return await tenants.tenants_page(self._pools.writer, page)

    # --- bundles ---

    async def write_bundles(self, tenant: str, bundles_: Sequence[Bundle]) -> None:
        """See BundleStore."""
        await bundles.upsert_bundles(self._writer, tenant, bundles_)

    async def read_bundle(self, tenant: str, name: str) -> Bundle | None:
        """See BundleStore."""
        return await bundles.bundle_of(self._pools.writer, tenant, name)

    async def delete_bundle(self, tenant: str, name: str) -> bool:
        """See BundleStore."""
        return await bundles.remove_bundle(self._writer, tenant, name)

    # --- the store as a whole ---

    async def head(self, tenant: str) -> Head:
        """See Storage. All who wait for a head share one reading."""
        return (await self._heads.sight(tenant)).news.head

    async def news(self, tenant: str, since: Snapshot | None) -> News:
        """See Storage. All who wait for news or a head share one reading, and a second one if anything was touched."""
        return await self._news.news(tenant, since)

    async def collect_garbage(self, window_s: float) -> CollectionReport:
        """See Storage. Of several nodes that collect at once one does the work."""
        return await self._collector.collect(window_s)

    async def ping(self) -> None:
        """See Storage. The replica is not asked: without it the writer answers."""
        rows = await self._pools.writer.fetch(_STATE)
        if not rows:
            raise StorageFailed("the database has lost its horizon; restore it from a backup", ErrorCode.DATASTORE)
        if rows[0]["is_read_only"]:
            raise Unavailable("the database is read-only: a standby, or told to be", ErrorCode.DATASTORE)
        await self._writer.ensure_disk()

    @property
    def counts(self) -> StoreCounts:
        """The figures at this moment."""
        reads = self._reads
        return StoreCounts(
            pools=self._pools.counts,
            head_reads=self._heads.reads,
            head_reads_s=self._heads.reads_s,
            replica_answered=reads.answered,
            replica_behind=reads.behind,
            replica_failed=reads.failed,
        )

    async def replica_lag_s(self) -> float | None:
        """How far the replica lies behind, as ``ReplicaLag`` measures it; None without one. Raises as ``ping``."""
        return None if self._lag is None else await self._lag.look_s()

    async def close(self) -> None:
        """See Storage."""
        try:
            await self._arrivals.close()
        finally:
            await self._pools.close()

    def __repr__(self) -> str:
        return f"PostgresStorage({self._pools!r}, {self._heads!r})"
