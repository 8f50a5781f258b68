"""Nodes that die, stand still, are cut off, under a load that knows every right answer: none is ever wrong.

Nobody but the clients of the node in question may notice, and they only while it is away.
"""

from __future__ import annotations

import asyncio

from tests.integration.cluster.fleet import Fleet
from tests.integration.cluster.load import Load, load_on

SOON_S = 10.0  # for an answer on a very busy machine; one at rest takes milliseconds


def addresses(fleet: Fleet, names: str = "abc") -> dict[str, str]:
    """Where nodes serve clients."""
    return {name: fleet[name].client_address for name in names}


async def ensure_soon(load: Load, *names: str) -> None:
    """What these nodes are asked from now on takes no longer than ever."""
    assert await load.goes_on(*names) < SOON_S


async def test_a_node_killed_with_9_costs_its_own_calls_and_nobody_elses(fleet: Fleet) -> None:
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c")
        fleet["c"].stop()
        await ensure_soon(load, "a", "b")
        for name in "ab":
            await fleet[name].serves(members=2)
        await ensure_soon(load, "a", "b")
        fleet["c"].start()
        await fleet["c"].serves(members=3)
        for name in "ab":
            await fleet[name].serves(members=3)
        await ensure_soon(load, "a", "b", "c")
    load.ensure_exact(may_fail="c")


async def test_a_paused_node_is_answered_for_and_says_nothing_stale_when_it_wakes(fleet: Fleet) -> None:
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c")
        with fleet["c"].frozen():
            await ensure_soon(load, "a", "b")
            for name in "ab":
                await fleet[name].serves(members=2)
            await ensure_soon(load, "a", "b")
        for name in "abc":
            await fleet[name].serves(members=3)
        await ensure_soon(load, "a", "b", "c")
    load.ensure_exact(may_fail="c")


async def test_a_node_cut_off_from_its_peers_serves_by_itself_and_so_do_they(fleet: Fleet) -> None:
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c")
        fleet.cables.separate("ab", "c")
        await ensure_soon(load, "a", "b", "c")
        for name in "ab":
            await fleet[name].serves(members=2)
        await ensure_soon(load, "a", "b", "c")
        fleet.cables.mend()
        for name in "abc":
            await fleet[name].serves(members=3)
        await ensure_soon(load, "a", "b", "c")
    load.ensure_exact()


async def test_where_none_hears_another_each_goes_on_alone(fleet: Fleet) -> None:
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c")
        fleet.cables.separate("a", "b", "c")
        await ensure_soon(load, "a", "b", "c")
        await asyncio.sleep(2)
        await ensure_soon(load, "a", "b", "c")
        fleet.cables.mend()
        await ensure_soon(load, "a", "b", "c")
    load.ensure_exact()


async def test_two_that_do_not_hear_each_other_have_different_rings_and_the_same_answers(fleet: Fleet) -> None:
    async with load_on(addresses(fleet)) as load:
        await load.goes_on("a", "b", "c")
        fleet.cables.separate("a", "b")
        for name in "ab":
            await fleet[name].serves(members=2)
        assert fleet["c"].members == 3
        await ensure_soon(load, "a", "b", "c")
        fleet.cables.mend()
        for name in "ab":
            await fleet[name].serves(members=3)
        await ensure_soon(load, "a", "b", "c")
    load.ensure_exact()
