"""The store: which part answers which call. All work is done in the modules it connects."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Self

from model.attributes import Attribute
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
from storage.restrictions import restriction_of
from storage.sqlite import bundles, changes, commits, pages, schemas, tenants
from storage.sqlite.arrivals import Arrivals
from storage.sqlite.connection import Connections, open_file, open_memory
from storage.sqlite.feed import ChangeReader
from storage.sqlite.filters import ATTRIBUTES, TUPLES
from storage.sqlite.lists import ListReader
from storage.sqlite.news import NewsReader
from storage.sqlite.ownership import FileOwnership
from storage.sqlite.points import EntityReader
from storage.sqlite.reader import Reader
from storage.sqlite.settings import SqliteSettings
from storage.sqlite.writer import Writer
from storage.values import attribute_of


class SqliteStorage:
    """Fulfils ``storage.base.Storage`` over one SQLite file, or in memory. Used from one event loop."""

    def __init__(
        self,
        connections: Connections,
        *,
        ownership: FileOwnership | None,
        place: str,
        settings: SqliteSettings,
        clock: Callable[[], float],
    ) -> None:
        self._connections = connections
        self._ownership = ownership
        self._place = place
        self._settings = settings
        self._clock = clock
        self._timeline = commits.load_timeline(connections.writing)
        self._reader = Reader(connections.reading, gate=connections.reading_gate, place=place)
        self._entities = EntityReader(self._reader, self._timeline)
        self._lists = ListReader(self._reader, self._timeline)
        self._feed = ChangeReader(self._reader, self._timeline)
        self._news = NewsReader(self._reader, self._timeline)
        self._history = os.urandom(8).hex()
        self._arrivals = Arrivals()
        self._latest_versions = schemas.LatestVersions(self._reader, self._timeline)
        self._writer = Writer(
            connections.writing,
            gate=connections.writing_gate,
            place=place,
            most_waiting=settings.most_waiting_writes,
            ensure_in_place=ownership.ensure_in_place if ownership is not None else lambda: None,
        )
        self._versions = XidSequence(clock, origin=os.urandom(5), first_counter=int.from_bytes(os.urandom(3), "big"))

    @classmethod
    async def open(
        cls,
        path: Path | None,
        settings: SqliteSettings = SqliteSettings(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """The store in a file, made if it is not there, or in memory if path is None. clock gives Unix seconds.

        The event loop waits while a log left by a crash is read back, so open before serving. Raises StorageFailed,
        naming the path, if the file cannot be used or another process has it, Unavailable if it stays locked.
        """
        if path is not None:
            return cls._open_file(path, settings, clock)
        connections = open_memory(settings, now_us=_microseconds(clock()))
        return cls(connections, ownership=None, place="in memory", settings=settings, clock=clock)

    @classmethod
    def _open_file(cls, path: Path, settings: SqliteSettings, clock: Callable[[], float]) -> Self:
        real_path = path.resolve()  # two names of one file must meet at one lock
        ownership = FileOwnership.claim(real_path)
        try:
            connections = open_file(real_path, settings, now_us=_microseconds(clock()))
            ownership.note_identity()
            return cls(connections, ownership=ownership, place=str(real_path), settings=settings, clock=clock)
        except BaseException:
            ownership.release()
            raise

    # --- reads at a snapshot ---

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> list[Facts]:
        """See SnapshotReader. About 90 reads that find little are answered without an await."""
        return await self._entities.read(tenant, snapshot, reads)

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> list[Stretch]:
        """See SnapshotReader."""
        return await self._lists.list_ids(tenant, snapshot, listings, beyond=beyond, about=about)

    async def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Page[RelationTuple]:
        """See SnapshotReader."""
        selection = pages.Selection(TUPLES, tenant, self._timeline.number_of(snapshot), restriction_of(where))
        return await pages.read_page(
            self._reader, self._timeline, selection=selection, page=page, make=RelationTuple._make
        )

    async def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Page[Attribute]:
        """See SnapshotReader."""
        selection = pages.Selection(ATTRIBUTES, tenant, self._timeline.number_of(snapshot), restriction_of(where))
        return await pages.read_page(self._reader, self._timeline, selection=selection, page=page, make=attribute_of)

    # --- changes ---

    async def write(self, tenant: str, changesets: Sequence[Changeset]) -> Snapshot:
        """See DataWriter. Raises InvalidRequest (VALIDATION) for names that cannot be stored."""
        changes.ensure_storable(changesets)

        def work(connection: Connection, number: int) -> None:
            changes.apply_changesets(connection, tenant=tenant, number=number, changesets=changesets)

        return await self._commit(tenant, work)

    async def delete(self, tenant: str, tuples: TupleFilter | None, attributes: AttributeFilter | None) -> Snapshot:
        """See DataWriter."""
        matching = [
            (table, restriction_of(where))
            for table, where in ((TUPLES, tuples), (ATTRIBUTES, attributes))
            if where is not None
        ]

        def work(connection: Connection, number: int) -> None:
            for table, restriction in matching:
                changes.expire_matching(connection, tenant=tenant, number=number, table=table, restriction=restriction)

        return await self._commit(tenant, work)

    # --- the change feed ---

    async def commits_since(self, tenant: str, since: Snapshot, most: int) -> list[Commit]:
        """See ChangeFeed. Snapshots from before a tenant was deleted are refused like those behind the horizon."""
        return await self._feed.commits_since(tenant, since, most)

    async def wait_for_commit(self, tenant: str, since: Snapshot) -> None:
        """See ChangeFeed. Raises as ``commits_since`` when it is called, and Unavailable once the store is closed."""
        await self._arrivals.wait(tenant, partial(self._feed.has_commit_since, tenant, since))

    # --- schemas ---

    async def write_schema(self, tenant: str, text: str, *, replacing: str | None = None) -> str:
        """See SchemaStore."""
        version = self._versions.next()
        record = SchemaRecord(version, text, time_of_xid(version))
        insert = partial(schemas.insert_schema, tenant=tenant, record=record, replacing=replacing)
        await self._writer.run(insert, publish=self._timeline.publish_schema)
        return version

    async def read_schema(self, tenant: str, version: str) -> SchemaRecord | None:
        """See SchemaStore."""
        return schemas.schema_of(self._reader, tenant, version)

    async def list_schemas(self, tenant: str, page: PageRequest) -> Page[SchemaRecord]:
        """See SchemaStore."""
        return await schemas.schemas_page(self._reader, tenant, page)

    # --- tenants ---

    async def create_tenant(self, tenant_id: str, name: str) -> Tenant:
        """See TenantStore."""
        return await self._writer.run(
            partial(tenants.insert_tenant, tenant_id=tenant_id, name=name, now_us=_microseconds(self._clock()))
        )

    async def delete_tenant(self, tenant_id: str) -> None:
        """See TenantStore. It is a commit: the head moves, since what snapshots of the tenant show has changed.

        For the feed the tenant begins anew with it: what came before is refused.
        """
        await self._commit(tenant_id, partial(_remove_tenant, tenant_id))

    async def list_tenants(self, page: PageRequest) -> Page[Tenant]:
        """See TenantStore."""
        return await tenants.tenants_page(self._reader, page)

    # --- bundles ---

    async def write_bundles(self, tenant: str, bundles_: Sequence[Bundle]) -> None:
        """See BundleStore."""
        await self._writer.run(partial(bundles.upsert_bundles, tenant=tenant, bundles=bundles_))

    async def read_bundle(self, tenant: str, name: str) -> Bundle | None:
        """See BundleStore."""
        return bundles.bundle_of(self._reader, tenant, name)

    async def delete_bundle(self, tenant: str, name: str) -> bool:
        """See BundleStore."""
        return await self._writer.run(partial(bundles.remove_bundle, tenant=tenant, name=name))

    # --- the store as a whole ---

    async def head(self, tenant: str) -> Head:
        """See Storage."""
        self._reader.ensure_open()
        return Head(Snapshot.at_commit(self._timeline.head), self._latest_versions.of(tenant))

    async def news(self, tenant: str, since: Snapshot | None) -> News:
        """See Storage. Every opening of a store begins a history: the file may have been another one before.

        At an unchanged head nothing is read.
        """
        head = await self.head(tenant)
        return News(head, self._history, await self._news.touches(tenant, since, head.snapshot))

    async def collect_garbage(self, window_s: float) -> CollectionReport:
        """See Storage. Cancelled or failed half way it leaves expired rows for the next pass, nothing else."""
        until_us = _microseconds(self._clock() - window_s)
        horizon = await self._writer.run(
            partial(commits.raise_horizon, until_us=until_us), publish=self._timeline.publish_horizon
        )
        tuples_removed = attributes_removed = 0
        while any(removed := await self._remove_expired(horizon)):
            tuples_removed += removed.tuples
            attributes_removed += removed.attributes
        return CollectionReport(Snapshot.at_commit(horizon), tuples_removed, attributes_removed)

    async def ping(self) -> None:
        """See Storage. Waits for its turn among the writes."""
        self._writer.ensure_open()
        if self._ownership is not None:
            self._ownership.ensure_in_place()
        self._reader.rows("SELECT number FROM horizon")
        await self._writer.run(lambda _: None)

    async def close(self) -> None:
        """See Storage."""
        self._reader.close()
        self._arrivals.close()
        await self._writer.stop(self._release)

    def __repr__(self) -> str:
        return f"SqliteStorage({self._place}, {self._timeline})"

    async def _commit(self, tenant: str, work: Callable[[Connection, int], object]) -> Snapshot:
        def numbered(connection: Connection) -> int:
            number = self._timeline.head + 1  # only this thread moves the head
            commits.record_commit(connection, number=number, tenant=tenant, now_us=_microseconds(self._clock()))
            work(connection, number)
            return number

        def publish(number: int) -> None:
            self._timeline.publish_head(number)
            self._arrivals.announce(tenant)

        return Snapshot.at_commit(await self._writer.run(numbered, publish=publish))

    async def _remove_expired(self, horizon: int) -> commits.Removed:
        return await self._writer.run(
            partial(commits.remove_expired, horizon=horizon, limit=self._settings.collected_rows)
        )

    def _release(self) -> None:
        try:
            self._connections.close()
        finally:
            if self._ownership is not None:
                self._ownership.release()


def _remove_tenant(tenant_id: str, connection: Connection, number: int) -> None:
    tenants.remove_tenant(connection, tenant_id, number=number)


def _microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)
