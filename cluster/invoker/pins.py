"""Pinning: at which snapshot and by which schema a request is answered."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.invoker.chronicle import Chronicle
from cluster.invoker.heads import Heads
from engine.catalog import SchemaCatalog
from engine.plan import Plan
from model.errors import ErrorCode, NotFound
from model.snapshot import Snapshot, decode_snap_token
from storage.base import Head


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a request is answered at; resolved once, and nothing below picks another.

    chronicle: of the tenant, carried on to a head read for this request, which covers the snapshot unless the store has
    none that does. None if the request named both token and version, and nothing had to be read: whether the token
    belongs to the history the chronicle knows is then not certain, so no cached answer may be given.
    """

    snapshot: Snapshot
    schema_version: str
    plan: Plan
    chronicle: Chronicle | None


class Pins:
    """Resolves tokens and versions. Heads are read after the call, so they see every write acknowledged before."""

    def __init__(self, heads: Heads, catalog: SchemaCatalog) -> None:
        self._heads = heads
        self._catalog = catalog

    async def pin(self, tenant: str, snap_token: str, schema_version: str) -> Pinned:
        """The snapshot of the token, else head, and the plan of the version, else of the latest.

        Raises InvalidRequest for a malformed token, NotFound (SCHEMA_NOT_FOUND) if there is no such schema, and as
        ``NewsSource.news``.
        """
        snapshot = decode_snap_token(snap_token) if snap_token else None
        if snapshot and schema_version:
            return Pinned(snapshot, schema_version, await self._catalog.plan(tenant, schema_version), None)
        chronicle = await self._heads.latest(tenant)
        head = chronicle.head
        version = schema_version or latest_version(tenant, head)
        return Pinned(snapshot or head.snapshot, version, await self._catalog.plan(tenant, version), chronicle)

    async def snapshot(self, tenant: str, snap_token: str) -> Snapshot:
        """The snapshot of the token, else head, as in ``pin``."""
        return decode_snap_token(snap_token) if snap_token else (await self._heads.head(tenant)).snapshot

    async def plan(self, tenant: str, schema_version: str) -> Plan:
        """The plan of the version, else of the latest, as in ``pin``."""
        version = schema_version or latest_version(tenant, await self._heads.head(tenant))
        return await self._catalog.plan(tenant, version)


def latest_version(tenant: str, head: Head) -> str:
    """The tenant's latest schema version. Raises NotFound (SCHEMA_NOT_FOUND) if it never wrote one."""
    if not head.schema_version:
        raise NotFound(f"tenant {tenant!r} has no schema", ErrorCode.SCHEMA_NOT_FOUND)
    return head.schema_version
