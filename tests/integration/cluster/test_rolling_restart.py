"""A rolling restart under the load of an ordinary day: five hundred checks a second, of which none is lost or wrong."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from tests.integration.cluster.fleet import Fleet
from tests.integration.cluster.load import SCHEMA, client_of
from tests.integration.cluster.test_coming_and_going import BALANCED
from tests.integration.cluster.test_faults import addresses
from tests.support.client import Client

PER_S = 500
DOCUMENTS = 300  # half of them viewed by somebody
SEEN_S = 1.0  # for a balancer to see that a node is back


@dataclass
class Steady:
    """What has become of the checks. asked: how many were sent; answered: those that came back right."""

    asked: int = 0
    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    async def check(self, client: Client, number: int) -> None:
        """Ask for one document."""
        self.asked += 1
        try:
            is_allowed = await client.can(f"doc:{number}#view@user:u")
        except grpc.aio.AioRpcError as error:
            self.failures[f"{error.code()}: {error.details()}"] += 1
            return
        if is_allowed is (number % 2 == 0):
            self.answered += 1
        else:
            self.wrong.append(f"doc:{number} {is_allowed}")


@asynccontextmanager
async def steady_checks(client: Client) -> AsyncIterator[Steady]:
    """So many a second while the context lasts, each sent at its time, however long those before it take."""
    load = Steady()
    is_over = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def send() -> None:
        began_s = loop.time()
        async with asyncio.TaskGroup() as checks:
            while not is_over.is_set():
                while load.asked < (loop.time() - began_s) * PER_S:
                    checks.create_task(load.check(client, load.asked % DOCUMENTS))
                    await asyncio.sleep(0)  # it counts itself
                await asyncio.sleep(1 / PER_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        try:
            yield load
        finally:
            is_over.set()


async def test_a_rolling_restart_under_load_loses_no_check(fleet: Fleet) -> None:
    everybody = "ipv4:" + ",".join(addresses(fleet).values())
    async with client_of(everybody, *BALANCED) as client:
        await client.write_schema(SCHEMA)
        await client.write(*(f"doc:{number}#viewer@user:u" for number in range(0, DOCUMENTS, 2)))
        async with steady_checks(client) as load:
            for name in "abc":
                await asyncio.sleep(SEEN_S)
                assert await asyncio.to_thread(fleet[name].end) == 0
                fleet[name].start()
                await fleet[name].serves(members=3)
            await asyncio.sleep(SEEN_S)
    assert not load.failures
    assert not load.wrong
    assert load.answered == load.asked > 10 * PER_S
