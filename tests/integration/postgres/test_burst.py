"""After a burst of concurrent writers, all acknowledged, every node answers exactly, and nobody needs a token for it.

The nodes are processes, so their writes overlap in earnest, and commits wait for a disk: transactions end in another
order than they began in.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.clients.running_node import Addresses, running_node
from tests.integration.postgres.serving import SCHEMA, revoke
from tests.support.client import TENANT, Client
from tests.support.postgres import PostgresServer, postgres_server

_GRANTS, _REVOKES = 4, 3  # in each round, at once
_TAKE = base.DataBundle(  # a revoke that locks its key alone, where one by filter locks the tenant
    name="take", arguments=["doc", "user"], operations=[{"relationships_delete": ["{{.doc}}#viewer@user:{{.user}}"]}]
)


@pytest.fixture(scope="module")
def durable_server() -> Iterator[PostgresServer]:
    with postgres_server(fsync="on", synchronous_commit="on") as server:
        yield server


@pytest.fixture(scope="module")
def nodes(durable_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Addresses, ...]]:
    """Two, on one database."""
    where = ("--database-engine=postgres", f"--database-uri={durable_server.uri()}")
    home: Path = tmp_path_factory.mktemp("home")
    with running_node(*where, home=home) as one, running_node(*where, home=home) as other:
        yield one, other


@pytest.mark.parametrize(("many", "rounds"), [(1, 200), (2, 250)], ids=["one node", "two nodes"])
async def test_after_every_burst_every_node_answers_exactly(
    nodes: tuple[Addresses, ...], many: int, rounds: int
) -> None:
    chance, entity = random.Random(many), f"doc:{many}"
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(grpc.aio.insecure_channel(node.grpc)) for node in nodes[:many]]
        clients = [Client(channel) for channel in channels]
        await clients[0].write_schema(SCHEMA)
        await clients[0].call("Bundle.Write", pb.BundleWriteRequest(tenant_id=TENANT, bundles=[_TAKE]))
        granted: set[str] = set()
        for round_ in range(rounds):
            grants = {f"u{round_}-{n}" for n in range(_GRANTS)}
            revokes = set(chance.sample(sorted(granted), min(_REVOKES, len(granted))))
            async with asyncio.TaskGroup() as burst:
                for user in grants:
                    burst.create_task(chance.choice(clients).write(f"{entity}#viewer@user:{user}"))
                for user in revokes:
                    burst.create_task(chance.choice([take, take, revoke])(chance.choice(clients), entity, user))
            granted = (granted | grants) - revokes
            assert await allowed(clients, entity, sorted(grants | revokes)) == [sorted(grants)] * many


async def take(client: Client, entity: str, user: str) -> None:
    """Take one grant from a user, by its key."""
    arguments = {"doc": entity, "user": user}
    await client.call("Data.RunBundle", pb.BundleRunRequest(tenant_id=TENANT, name="take", arguments=arguments))


async def allowed(clients: Sequence[Client], entity: str, users: Sequence[str]) -> list[list[str]]:
    """Which of the users may view, as each node has it."""
    async with asyncio.TaskGroup() as group:
        asked = [[group.create_task(client.can(f"{entity}#view@user:{user}")) for user in users] for client in clients]
    return [[user for user, task in zip(users, tasks, strict=True) if task.result()] for tasks in asked]
