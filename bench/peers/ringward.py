"""Ringward itself, as a user runs it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import grpc.aio
from google.protobuf.message import Message

from api.convert import tuple_to_proto
from bench.processes import port_open
from bench.workload import DRIVE_SCHEMA
from model.check import Question
from model.tuples import RelationTuple, SubjectRef
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.support.postgres import PostgresServer, free_port

TENANT = "bench"
DEPTH = 100
CONNECTIONS = 4


class Ringward:
    """A node over PostgreSQL, called over gRPC."""

    name = "Ringward"

    def __init__(self, pid: int, channels: Sequence[grpc.aio.Channel]) -> None:
        self.pid = pid
        self._channels = cycle(channels)

    @classmethod
    @asynccontextmanager
    async def started(cls, database: PostgresServer) -> AsyncIterator[Ringward]:
        """A node that serves while the context lasts, on a new database."""
        database.execute("CREATE DATABASE ringward")
        port = free_port()
        program = Path(sys.executable).with_name("ringward")
        process = await asyncio.create_subprocess_exec(
            program,
            "serve",
            "--database-engine=postgres",
            f"--database-uri={database.uri('ringward')}",
            f"--grpc-port={port}",
            "--http-enabled=false",
            "--log-level=error",
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            await port_open(port)
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
            channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) for _ in range(CONNECTIONS)]
            system = cls(process.pid, channels)
            await system._call("Schema/Write", pb.SchemaWriteRequest(tenant_id=TENANT, schema=DRIVE_SCHEMA))
            yield system
            for channel in channels:
                await channel.close()
        finally:
            process.terminate()
            await process.wait()

    async def write(self, rows: Sequence[RelationTuple]) -> None:
        """Store some tuples in one call."""
        tuples = [tuple_to_proto(row) for row in rows]
        metadata = pb.DataWriteRequestMetadata()
        await self._call("Data/Write", pb.DataWriteRequest(tenant_id=TENANT, metadata=metadata, tuples=tuples))

    async def check(self, question: Question) -> bool:
        """Whether it is allowed."""
        request = pb.PermissionCheckRequest(
            tenant_id=TENANT,
            metadata=pb.PermissionCheckRequestMetadata(depth=DEPTH),
            entity=base.Entity(type=question.entity.type, id=question.entity.id),
            permission=question.permission,
            subject=base.Subject(type=question.subject.type, id=question.subject.id),
        )
        raw = await self._call("Permission/Check", request)
        return pb.PermissionCheckResponse.FromString(raw).can == base.CHECK_RESULT_ALLOWED

    async def list_documents(self, user: SubjectRef) -> set[str]:
        """Ids of the documents a user can view."""
        request = pb.PermissionLookupEntityRequest(
            tenant_id=TENANT,
            metadata=pb.PermissionLookupEntityRequestMetadata(depth=DEPTH),
            entity_type="document",
            permission="view",
            subject=base.Subject(type=user.type, id=user.id),
            page_size=1_000_000,
        )
        raw = await self._call("Permission/LookupEntity", request)
        return set(pb.PermissionLookupEntityResponse.FromString(raw).entity_ids)

    async def _call(self, method: str, request: Message) -> bytes:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = next(self._channels).unary_unary(f"/base.v1.{method}")
        return await call(request.SerializeToString())
