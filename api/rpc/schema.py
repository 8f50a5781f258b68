"""Schema: versions written whole or in part, read back and listed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from api.schema_form import schema_to_proto
from cluster.invoker.invoker import Invoker
from cluster.invoker.pins import latest_version
from model.errors import Conflict
from proto.base.v1 import service_pb2 as pb
from schema.compiler import compile_schema
from schema.partial import Partial, apply_partials
from storage.base import PageRequest, Storage

DEFAULT_PAGE_SIZE = 50


class SchemaService:
    """Compiles before it stores: a version that exists compiles. Compiling takes a thread, for it can take seconds."""

    def __init__(self, storage: Storage, invoker: Invoker) -> None:
        self._storage = storage
        self._invoker = invoker

    async def write(self, request: pb.SchemaWriteRequest) -> pb.SchemaWriteResponse:
        """Store a schema as the new latest version. Raises InvalidSchema at the first fault."""
        text = (await asyncio.to_thread(compile_schema, request.schema)).text
        return pb.SchemaWriteResponse(schema_version=await self._storage.write_schema(request.tenant_id, text))

    async def partial_write(self, request: pb.SchemaPartialWriteRequest) -> pb.SchemaPartialWriteResponse:
        """Change members of entities and store the whole as a new version; all or nothing.

        Based on the latest version unless one is given; then two changes made at once are applied one after the other,
        never one over the other.
        """
        tenant, base = request.tenant_id, request.metadata.schema_version
        partials = {
            name: Partial(write=tuple(partial.write), update=tuple(partial.update), delete=tuple(partial.delete))
            for name, partial in request.partials.items()
        }
        while True:
            latest = await self._latest(tenant)
            plan = await self._invoker.plan(tenant, base or latest)
            text = await asyncio.to_thread(_merged, plan.schema.text, partials)
            try:
                version = await self._storage.write_schema(tenant, text, replacing=None if base else latest)
            except Conflict:
                continue
            return pb.SchemaPartialWriteResponse(schema_version=version)

    async def read(self, request: pb.SchemaReadRequest) -> pb.SchemaReadResponse:
        """The compiled form of a version, the latest if none is given."""
        plan = await self._invoker.plan(request.tenant_id, request.metadata.schema_version)
        return pb.SchemaReadResponse(schema=schema_to_proto(plan.schema))

    async def list(self, request: pb.SchemaListRequest) -> pb.SchemaListResponse:
        """A page of versions, newest first, and which one is the latest."""
        latest = await self._latest(request.tenant_id)
        page = PageRequest(request.page_size or DEFAULT_PAGE_SIZE, request.continuous_token)
        listed = await self._storage.list_schemas(request.tenant_id, page)
        return pb.SchemaListResponse(
            head=latest,
            schemas=[
                pb.SchemaList(version=record.version, created_at=_time_text(record.created_at))
                for record in listed.items
            ],
            continuous_token=listed.next_token,
        )

    async def _latest(self, tenant: str) -> str:
        return latest_version(tenant, await self._storage.head(tenant))


def _merged(text: str, partials: Mapping[str, Partial]) -> str:
    return compile_schema(apply_partials(text, partials)).text


def _time_text(moment: datetime) -> str:
    """The contract's form of a version's time. Source: reference wire-api §10."""
    return moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
