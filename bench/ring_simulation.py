"""How well the ring balances, how little a newcomer moves, and what rings cost, from 3 nodes to 1000.

Run ``python -m bench.ring_simulation [--keys 10000000]``; it takes some five minutes. Shares and moves are exact,
summed over all arcs. Then keys like those of checks are looked up, so many in the largest ring, a tenth in the others.
The loop's lag is by how much an event loop is late at most while a thread of its process builds, least of three.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from bench.machine import machine, peak_memory_mb
from cluster.hashring.rebalance import flows
from cluster.hashring.ring import Ring
from cluster.member import Member

SIZES = (3, 10, 30, 100, 300, 1000)
UNEQUAL = (1, 2, 4, 8, 100)
LOOKUPS_TIMED = 200_000
TICK_S = 0.001


class Cost(NamedTuple):
    """CPU seconds of building from nothing and with all but one node known; µs of a lookup; the loop's longest lag."""

    built_s: float
    rebuilt_s: float
    lookup_us: float
    lag_ms: float


class Balance(NamedTuple):
    """Relative to what weights ask for. moved: what a newcomer takes; strayed: what moves between the others."""

    least_share: float
    largest_share: float
    moved: float
    strayed: float
    least_keys: float
    largest_keys: float
    keys_moved: float


def fleet(size: int, weights: Sequence[int]) -> list[Member]:
    """So many nodes with addresses as a cloud gives them; weights taken in turn."""
    return [
        Member(f"10.{number // 62500}.{number // 250 % 250}.{number % 250}:5000", weight=weights[number % len(weights)])
        for number in range(size)
    ]


def keys() -> Iterator[bytes]:
    """Routing keys of checks, none twice."""
    number = 0
    while True:
        yield b"t1\0cq8l5vh0g2\0document\0%d\0view\0user\0u%d" % (number, number * 7 % 100_003)
        number += 1


async def measure(size: int, weights: Sequence[int], many_keys: int) -> tuple[Cost, Balance]:
    """Build the ring of so many, then the one with a newcomer, and compare."""
    members, newcomer = fleet(size, weights), Member("10.255.0.1:5000", weight=weights[0])
    began_s = time.process_time()
    before = Ring.of(members)
    built_s = time.process_time() - began_s
    began_s = time.process_time()
    after = Ring.of([*members, newcomer], before)
    rebuilt_s = time.process_time() - began_s
    lag_s = min([await _lag_while_built([*members, newcomer], before) for _ in range(3)])
    return Cost(built_s, rebuilt_s, _lookup_us(before), lag_s * 1e3), _balance(before, after, newcomer, many_keys)


async def _lag_while_built(members: Sequence[Member], known: Ring) -> float:
    """How much the builder computed, at most, between two turns of a loop that wanted one each millisecond, in seconds.

    CPU time of the process: whatever else runs on the machine does not count.
    """
    building = asyncio.ensure_future(asyncio.to_thread(Ring.of, members, known))
    lag_s = 0.0
    while not building.done():
        computed_s = time.process_time()
        await asyncio.sleep(TICK_S)
        lag_s = max(lag_s, time.process_time() - computed_s - TICK_S)
    return lag_s


def _lookup_us(ring: Ring) -> float:
    """CPU time, with the loop around it taken off."""
    some = list(islice(keys(), LOOKUPS_TIMED))
    began_s = time.process_time()
    for key in some:
        ring.owner(key)
    took_s = time.process_time() - began_s
    began_s = time.process_time()
    for _ in some:
        pass
    return (took_s - (time.process_time() - began_s)) / LOOKUPS_TIMED * 1e6


def _balance(before: Ring, after: Ring, newcomer: Member, many_keys: int) -> Balance:
    whole = sum(member.weight for member in before.members)
    due = {member.address: member.weight / whole for member in before.members}
    shares = [share / due[address] for address, share in before.shares().items()]
    exchanged = flows(before, after)
    met: Counter[str] = Counter()
    keys_moved = 0
    for key in islice(keys(), many_keys):
        owner = before.owner(key)
        met[owner] += 1
        keys_moved += after.owner(key) != owner
    of_keys = [met[address] / many_keys / part for address, part in due.items()]
    fair = newcomer.weight / (whole + newcomer.weight)
    return Balance(
        min(shares),
        max(shares),
        sum(exchanged.values()) / fair,
        sum(part for (_, taker), part in exchanged.items() if taker != newcomer.address),
        min(of_keys),
        max(of_keys),
        keys_moved / many_keys / fair,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=10_000_000)
    many_keys = parser.parse_args().keys
    print(machine())
    print("| nodes | weights | share, from to | moved | strayed | keys | part of keys, from to | of them moved |")
    costs = []
    for size, weights in [*((size, (1,)) for size in SIZES), (100, UNEQUAL), (1000, UNEQUAL)]:
        asked = many_keys if size == max(SIZES) and len(weights) == 1 else many_keys // 10
        cost, balance = asyncio.run(measure(size, weights, asked))
        named = "1" if len(weights) == 1 else ", ".join(map(str, weights))
        print(
            f"| {size} | {named} | {balance.least_share:.3f}, {balance.largest_share:.3f} | {balance.moved:.3f} "
            f"| {balance.strayed:g} | {asked:.0e} | {balance.least_keys:.3f}, {balance.largest_keys:.3f} "
            f"| {balance.keys_moved:.3f} |",
            flush=True,
        )
        costs.append(
            f"| {size} | {named} | {cost.built_s * 1e3:.0f} ms | {cost.rebuilt_s * 1e3:.0f} ms "
            f"| {cost.lag_ms:.1f} ms | {cost.lookup_us:.2f} µs |"
        )
    print("\n| nodes | weights | built | one more | loop late by | lookup |", *costs, sep="\n")
    print(f"peak memory {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
