"""Nodes that join, leave and are restarted one after the other: keys change hands, no answer is wrong, no call lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.integration.cluster.fleet import Fleet
from tests.integration.cluster.load import Load, client_of, load_on
from tests.integration.cluster.test_faults import addresses, ensure_soon
from tests.support.client import Client

_BALANCING = json.dumps(
    {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}
)  # Source: gRPC, service_config.proto; as any balancer it leaves out a node that says it does not serve
BALANCED = (("grpc.service_config", _BALANCING), ("grpc.default_authority", "ringward"))  # a list is no authority


async def test_a_node_that_joins_has_taken_over_answers_before_it_serves(fleet: Fleet) -> None:
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c", more=100)
        fleet["d"].start()
        await fleet["d"].serves(members=4)
        taken = [event["answers"] for event in fleet["d"].events("answers were taken over")]
        assert len(taken) == 3
        assert sum(taken) > 0
        order = [event["event"] for event in fleet["d"].events()]
        assert order.index("answers were taken over") < order.index("joined the cluster") < order.index("node started")
        for name in "abc":
            await fleet[name].serves(members=4)
        await ensure_soon(load, "a", "b", "c")
    load.ensure_exact()


async def test_what_a_node_has_taken_over_is_as_exact_as_what_it_found_itself(fleet: Fleet) -> None:
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c", more=100)
        fleet["d"].start()
        await fleet["d"].serves(members=4)
        async with load_on({"d": fleet["d"].client_address}, beside=load):
            await load.goes_on("a", "b", "c", "d", more=100)
    load.ensure_exact()


async def test_a_node_that_is_told_to_leave_finishes_what_it_has_and_nothing_is_lost_elsewhere(fleet: Fleet) -> None:
    async with load_on(addresses(fleet, "ab")) as load, client_of(fleet["c"].client_address) as client:
        await load.goes_on("a", "b")
        async with asking(client) as asked:
            code = await asyncio.to_thread(fleet["c"].end)
        assert code == 0
        assert asked.count(True) > 10
        assert asked.count(False) == 1, "calls were served until the node refused them, and not cut off"
        for name in "ab":
            await fleet[name].serves(members=2)
        await ensure_soon(load, "a", "b")
    load.ensure_exact()


async def test_restarting_all_nodes_one_after_the_other_loses_no_call(fleet: Fleet) -> None:
    """Clients call by a list of all nodes; what was sent to one is not sent again to another."""
    everybody = "ipv4:" + ",".join(addresses(fleet).values())
    async with load_on({"all": everybody}, *BALANCED) as load:
        for name in "abc":
            await load.goes_on("all")
            assert await asyncio.to_thread(fleet[name].end) == 0
            fleet[name].start()
            await fleet[name].serves()
            await asyncio.sleep(1)  # a balancer needs a moment to see it
        await ensure_soon(load, "all")
    load.ensure_exact()


@asynccontextmanager
async def asking(client: Client) -> AsyncIterator[list[bool]]:
    """Ask one after the other whether there are any refusals, until there is one: whether each call was served."""
    served: list[bool] = []

    async def ask() -> None:
        load = Load()
        while all(served):
            served.append(await load.outcome("", "a check", client.can("doc:1#view@user:1")) is not None)

    async with asyncio.TaskGroup() as group:
        group.create_task(ask())
        yield served
