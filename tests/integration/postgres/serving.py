"""A node before a database that fails: what it says of itself, and when it serves again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from api.health import PATIENCE_S
from node.node import open_node
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from storage.postgres.settings import PostgresSettings
from tests.support.client import TENANT, Client
from tests.support.eventually import eventually

SCHEMA = "entity user {}\nentity doc {\n relation viewer @user\n permission view = viewer\n}"
SLACK_S = 6.0  # of a machine that is busy
_LONG_S = 60.0


@asynccontextmanager
async def serving(settings: PostgresSettings) -> AsyncIterator[Client]:
    """A client of a new node, with a schema, on the tables that are there or new ones."""
    database = DatabaseSettings(engine=DatabaseEngine.POSTGRES, postgres=settings)
    settings_of_node = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=1.0, database=database)
    async with open_node(settings_of_node) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        yield client


async def is_serving(client: Client) -> bool:
    """What the node says of its health; it must say it in time, whatever became of the database."""
    stub: Any = HealthStub(client._channel)
    response: HealthCheckResponse = await stub.Check(HealthCheckRequest(), timeout=PATIENCE_S + SLACK_S)
    return response.status == HealthCheckResponse.SERVING


async def until_serving(client: Client) -> None:
    """Return once the node says that it serves, and does; nobody restarts it."""

    async def it_does() -> bool:
        return await is_serving(client) and await _writes_and_answers(client)

    await eventually(it_does, patience_s=_LONG_S)


async def until_not_serving(client: Client) -> None:
    """Return once the node says that it does not serve."""

    async def it_says_so() -> bool:
        return not await is_serving(client)

    await eventually(it_says_so)


async def revoke(client: Client, entity: str, user: str) -> None:
    """Take one grant from a user, by a filter."""
    kind, _, id_ = entity.partition(":")
    where = base.TupleFilter(
        entity=base.EntityFilter(type=kind, ids=[id_]),
        relation="viewer",
        subject=base.SubjectFilter(type="user", ids=[user]),
    )
    request = pb.DataDeleteRequest(tenant_id=TENANT, tuple_filter=where, attribute_filter=base.AttributeFilter())
    await client.call("Data.Delete", request)


async def _writes_and_answers(client: Client) -> bool:
    try:
        await client.write("doc:again#viewer@user:1")
        return await client.can("doc:again#view@user:1")
    except grpc.aio.AioRpcError:
        return False
