"""Schema versions made ready to evaluate, kept in memory while they are in use."""

from __future__ import annotations

import asyncio

from cachetools import LRUCache

from engine.plan import Plan
from model.errors import ErrorCode, NotFound
from schema.compiler import compile_schema
from storage.base import SchemaStore


class SchemaCatalog:
    """Plans by tenant and version. A version never changes, so an entry is never stale.

    entries: how many plans are kept, least recently used first out; each costs a few hundred kilobytes. compiled: how
    many were made.
    """

    def __init__(self, store: SchemaStore, entries: int) -> None:
        self._store = store
        self._plans: LRUCache[tuple[str, str], Plan] = LRUCache(entries)
        self.compiled = 0

    def __repr__(self) -> str:
        return f"<SchemaCatalog {len(self._plans)} of {self._plans.maxsize:.0f} plans>"

    def __len__(self) -> int:
        return len(self._plans)

    async def plan(self, tenant: str, version: str) -> Plan:
        """The plan of a stored version. Raises NotFound (SCHEMA_NOT_FOUND) if the tenant has none of that id."""
        plan = self._plans.get((tenant, version))
        if plan is None:
            plan = await self._load(tenant, version)
            self._plans[tenant, version] = plan
        return plan

    async def _load(self, tenant: str, version: str) -> Plan:
        record = await self._store.read_schema(tenant, version)
        if record is None:
            raise NotFound(f"tenant {tenant!r} has no schema version {version!r}", ErrorCode.SCHEMA_NOT_FOUND)
        self.compiled += 1
        return Plan(await asyncio.to_thread(compile_schema, record.text))
