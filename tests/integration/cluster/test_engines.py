"""Whole clusters by each engine that is a server of its own: nodes find each other, lose one, and lose the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.integration.cluster.fleet import ClusterNode, Fleet, fleet_of
from tests.integration.cluster.load import load_on
from tests.integration.cluster.test_faults import addresses, ensure_soon
from tests.support.consul import consul_server
from tests.support.redis import redis_server
from tests.support.serf import serf_agents


@contextmanager
def nodes_by(engines: Sequence[str], database_uri: str, folder: Path) -> Iterator[Fleet]:
    """Nodes a, b and c, each told of one of three engines; running."""
    with ExitStack() as stack:
        nodes = [ClusterNode(name, folder, f"--database-uri={database_uri}") for name in "abc"]
        for node, engine in zip(nodes, engines, strict=True):
            node.point_to(engine, f"127.0.0.1:{node.peer_port}")
        fleet = stack.enter_context(fleet_of(nodes, is_wired=False))
        for node in nodes:
            node.start()
        yield fleet
        assert not fleet.troubles()


async def loses_one(fleet: Fleet) -> None:
    """All see each other; one is killed, and the others have a ring of two, without anybody's loss."""
    for name in "abc":
        await fleet[name].serves(members=3)
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c")
        fleet["c"].stop()
        for name in "ab":
            await fleet[name].serves(members=2)
        await ensure_soon(load, "a", "b")
    load.ensure_exact(may_fail="c")


async def test_nodes_that_find_each_other_by_serf(database_uri: str, tmp_path: Path) -> None:
    with serf_agents() as agents:
        engines = [agents.new().url() for _ in "abc"]
        with nodes_by(engines, database_uri, tmp_path) as fleet:
            await loses_one(fleet)


async def test_nodes_that_find_each_other_by_consul(database_uri: str, tmp_path: Path) -> None:
    with consul_server() as consul, nodes_by([consul.url()] * 3, database_uri, tmp_path) as fleet:
        await loses_one(fleet)


async def test_nodes_that_lose_redis_keep_the_ring_they_have_and_find_each_other_by_it_again(
    database_uri: str, tmp_path: Path
) -> None:
    with redis_server() as redis, nodes_by([redis.url()] * 3, database_uri, tmp_path) as fleet:
        for name in "abc":
            await fleet[name].serves(members=3)
        async with load_on(addresses(fleet)) as load:
            await load.goes_on("a", "b", "c")
            redis.stop()
            for name in "abc":
                await fleet[name].tells("following the members of the cluster fails; tried again until it works")
            await ensure_soon(load, "a", "b", "c")
            assert [fleet[name].members for name in "abc"] == [3, 3, 3]
            redis.start()
            await ensure_soon(load, "a", "b", "c")
            fleet["c"].stop()
            for name in "ab":
                await fleet[name].serves(members=2)
        load.ensure_exact(may_fail="c")
