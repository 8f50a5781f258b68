"""Whether a node is ready, asked as an orchestrator asks, while its database goes and comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from api.operations.settings import OperationsSettings
from node.node import open_node
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from storage.postgres.settings import PostgresSettings
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer
from tests.support.processes import free_ports

READY = (200, {"status": "SERVING"})
PATIENCE_S = 30.0


class Operations:
    """Asks the listener for operations of one node."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def health(self, path: str) -> tuple[int, object]:
        async with self._session.get(self._url + path) as response:
            return response.status, await response.json()

    async def until(self, reason: str) -> None:
        """Return once the node is not ready for a reason; ready, if it is empty."""
        wanted = (503, {"status": "NOT_SERVING", "reason": reason}) if reason else READY

        async def stands() -> bool:
            try:
                return await self.health("/readyz") == wanted
            except aiohttp.ClientConnectionError:
                return False

        await eventually(stands, patience_s=PATIENCE_S)

    async def metric(self, name: str) -> float:
        async with self._session.get(f"{self._url}/metrics") as response:
            lines = (await response.text()).splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


@asynccontextmanager
async def operations_of(settings: NodeSettings) -> AsyncIterator[Operations]:
    """Those of a node that is starting, and runs until the context ends."""
    assert settings.operations
    stop = asyncio.Event()

    async def run() -> None:
        async with open_node(settings):
            await stop.wait()

    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
        group.create_task(run())
        try:
            yield Operations(session, f"http://127.0.0.1:{settings.operations.port}")
        finally:
            stop.set()


def settings_of(server: PostgresServer) -> NodeSettings:
    (port,) = free_ports(1)
    postgres = PostgresSettings(server.uri(), most_connections=6)
    database = DatabaseSettings(engine=DatabaseEngine.POSTGRES, postgres=postgres)
    operations = OperationsSettings(port=port)
    return NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, database=database, operations=operations)


async def test_a_node_is_not_ready_while_its_database_is_away_and_lives_all_the_while(server: PostgresServer) -> None:
    async with operations_of(settings_of(server)) as operations:
        await operations.until("")
        assert await operations.metric("ringward_ready") == 1
        await asyncio.to_thread(server.stop, "immediate")
        await operations.until("the store does not answer")
        assert await operations.metric("ringward_ready") == 0
        assert await operations.health("/livez") == (200, {"status": "ALIVE"})
        await asyncio.to_thread(server.start)
        await operations.until("")
        assert await operations.metric("ringward_ready") == 1


async def test_a_node_that_waits_for_its_database_says_so_until_it_is_there(server: PostgresServer) -> None:
    await asyncio.to_thread(server.stop, "fast")
    async with operations_of(settings_of(server)) as operations:
        await operations.until("opening the store")
        assert await operations.health("/livez") == (200, {"status": "ALIVE"})
        await asyncio.to_thread(server.start)
        await operations.until("")
