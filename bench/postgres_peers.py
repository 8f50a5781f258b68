"""Ringward and OpenFGA over PostgreSQL, in one run: what a check, a list and a write cost server and database in CPU.

Run ``python -m bench.postgres_peers --openfga /path/to/openfga [--sizes 100000,1000000]``; without ``--openfga``
Ringward alone. With several sizes OpenFGA is measured at the first, and the others show how Ringward's costs grow.
Both get the drive-like load, a database of their own on one server, and the same questions from 32 callers, taking
turns of a few hundred. CPU is that of all processes of a system: user and system time from /proc. The verdicts of both
are compared, question by question.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import asyncpg

from bench.machine import machine
from bench.peers.openfga import OpenFga
from bench.peers.ringward import Ringward
from bench.processes import cpu_s, family
from bench.workload import DriveWorkload
from model.check import Question
from model.tuples import RelationTuple, SubjectRef
from tests.support.postgres import PostgresServer, postgres_server

CALLERS = 32
BATCH = 500
CHECKS_PER_TURN = 500
TURNS = 6
LISTS = 60

T = TypeVar("T")


class System(Protocol):
    """A server under measurement."""

    name: str
    pid: int

    async def write(self, rows: Sequence[RelationTuple]) -> None:
        """Store some tuples in one call."""

    async def check(self, question: Question) -> bool:
        """Whether it is allowed."""

    async def list_documents(self, user: SubjectRef) -> set[str]:
        """Ids of the documents a user can view."""


class Cost(NamedTuple):
    """What some calls cost. server_s and database_s: CPU seconds. times_s: of each call."""

    calls: int
    server_s: float
    database_s: float
    elapsed_s: float
    times_s: Sequence[float]

    def plus(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))  # type: ignore[operator]

    def row(self, name: str) -> str:
        """A row of the table, in µs per call."""
        server, database = (seconds / self.calls * 1e6 for seconds in (self.server_s, self.database_s))
        quantiles = statistics.quantiles(self.times_s, n=100)
        return (
            f"| {name} | {server:.0f} + {database:.0f} | {server + database:.0f} | {self.calls / self.elapsed_s:.0f}"
            f" | {quantiles[49] * 1e3:.1f} | {quantiles[98] * 1e3:.1f} |"
        )


NOTHING = Cost(0, 0.0, 0.0, 0.0, [])


class Meter:
    """Counts the CPU of a system and of the database while calls are made, ``CALLERS`` at a time."""

    def __init__(self, database: PostgresServer) -> None:
        self._database = database

    async def measure(self, system: System, calls: Sequence[Callable[[], Awaitable[T]]]) -> tuple[Cost, list[T]]:
        """The cost of the calls and their results, in order."""
        times: list[float] = [0.0] * len(calls)
        results: list[T | None] = [None] * len(calls)
        waiting = iter(range(len(calls)))

        async def caller() -> None:
            for number in waiting:
                began = time.perf_counter()
                results[number] = await calls[number]()
                times[number] = time.perf_counter() - began

        before = self._cpu(system)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(caller())
        elapsed = time.perf_counter() - began
        server, database = (after - earlier for after, earlier in zip(self._cpu(system), before, strict=True))
        return Cost(len(calls), server, database, elapsed, times), results  # type: ignore[return-value]  # all made

    def _cpu(self, system: System) -> tuple[float, float]:
        return cpu_s(family(system.pid)), cpu_s(family(self._database.pid))


async def compare(size: int, openfga: Path | None) -> None:
    """Load, ask in turns, print."""
    workload = DriveWorkload(size)
    print(f"{machine()}; {size} tuples, {CALLERS} callers, grpc.aio before Ringward\n")
    with postgres_server(shared_buffers="1GB", fsync="on", synchronous_commit="on", full_page_writes="on") as database:
        async with AsyncExitStack() as stack:
            systems: list[System] = [await stack.enter_async_context(Ringward.started(database))]
            if openfga is not None:
                systems.append(await stack.enter_async_context(OpenFga.started(openfga, database)))
            meter = Meter(database)
            print("| what | server + database, µs CPU | both | per s | p50 ms | p99 ms |\n|--|--:|--:|--:|--:|--:|")
            for system in systems:
                batches = list(_batches(workload.tuples()))
                cost, _ = await meter.measure(system, [_call(system.write, batch) for batch in batches])
                per_tuple = cost._replace(calls=sum(map(len, batches)))
                print(per_tuple.row(f"{system.name}: write, per tuple in batches of {BATCH}"), flush=True)
            for system in systems:
                database.execute("VACUUM ANALYZE", system.name.lower())
                bytes_per_tuple = await _disk_bytes(database, system.name.lower()) / sum(map(len, batches))
                print(f"| {system.name}: disk | {bytes_per_tuple:.0f} bytes per tuple | | | | |", flush=True)
            await _compare_checks(meter, systems, workload)
            await _compare_lists(meter, systems, workload)


async def _compare_checks(meter: Meter, systems: Sequence[System], workload: DriveWorkload) -> None:
    questions = list(workload.questions(CHECKS_PER_TURN * (TURNS + 1)))
    totals = dict.fromkeys((system.name for system in systems), NOTHING)
    different = 0
    for turn in range(TURNS + 1):  # the first warms up
        asked = questions[turn * CHECKS_PER_TURN : (turn + 1) * CHECKS_PER_TURN]
        verdicts = []
        for system in systems:
            cost, found = await meter.measure(system, [_call(system.check, question) for question in asked])
            verdicts.append(found)
            if turn:
                totals[system.name] = totals[system.name].plus(cost)
        different += sum(len(set(answers)) > 1 for answers in zip(*verdicts, strict=True))
    for name, cost in totals.items():
        print(cost.row(f"{name}: check never seen before"), flush=True)
    print(f"| verdicts that differ | {different} of {len(questions)} | | | | |")


async def _compare_lists(meter: Meter, systems: Sequence[System], workload: DriveWorkload) -> None:
    chance = random.Random(11)
    users = [SubjectRef("user", f"u{chance.randrange(workload.users)}") for _ in range(LISTS)]
    lists = []
    for system in systems:
        await meter.measure(system, [_call(system.list_documents, user) for user in users[:4]])
        cost, found = await meter.measure(system, [_call(system.list_documents, user) for user in users])
        lists.append(found)
        print(cost.row(f"{system.name}: documents a user can view"), flush=True)
    different = sum(len({frozenset(found) for found in answers}) > 1 for answers in zip(*lists, strict=True))
    print(f"| lists that differ | {different} of {len(users)} | | | | |")


async def _disk_bytes(database: PostgresServer, name: str) -> int:
    """What a database takes beyond what an empty one does, indexes and all."""
    connection = await asyncpg.connect(database.uri(name))
    try:
        size = await connection.fetchval("SELECT pg_database_size($1) - pg_database_size('template1')", name)
        return int(size)
    finally:
        await connection.close()


def _call(function: Callable[..., Awaitable[T]], argument: object) -> Callable[[], Awaitable[T]]:
    return lambda: function(argument)


def _batches(rows: Iterator[RelationTuple]) -> Iterator[list[RelationTuple]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sizes", type=_sizes, default=[100_000], help="how many tuples to load, one run for each (default 100000)"
    )
    parser.add_argument("--openfga", type=Path, help="the openfga program; without it Ringward is measured alone")
    arguments = parser.parse_args()
    for number, size in enumerate(arguments.sizes):
        asyncio.run(compare(size, None if number else arguments.openfga))


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


if __name__ == "__main__":
    main()
