"""What questions with many answers cost without a transport: lookups, permissions of a subject, checks in bulk.

Run ``python -m bench.lists_cost [--size 100000]``. Times are CPU of engine and store together, in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from bench.engine_cost import DEPTH, TENANT, load
from bench.machine import machine
from bench.workload import DRIVE_SCHEMA, DriveWorkload
from cluster.invoker.invoker import Invoker
from engine.catalog import SchemaCatalog
from model.check import CheckRequest, PermissionsRequest, Question
from model.lookup import EntitiesRequest, SubjectsRequest
from model.tuples import EntityRef, SubjectRef
from schema.compiler import compile_schema
from storage.sqlite.store import SqliteStorage

ROUNDS = 300
PAGE = 1_000_000


async def measure(size: int, folder: Path) -> None:
    """Load, ask, print."""
    print(f"{machine()}\n\n| what | mean | median | 99 % |\n|--|--:|--:|--:|")
    storage = await SqliteStorage.open(folder / "bench.db")
    try:
        await storage.write_schema(TENANT, compile_schema(DRIVE_SCHEMA).text)
        workload = DriveWorkload(size)
        await load(storage, workload.tuples())
        await _measure(Invoker(storage, SchemaCatalog(storage, 10)), workload)
    finally:
        await storage.close()


async def _measure(invoker: Invoker, workload: DriveWorkload) -> None:
    chance = random.Random(7)
    users = [SubjectRef("user", f"u{chance.randrange(workload.users)}") for _ in range(ROUNDS)]
    documents = [EntityRef("document", f"d{chance.randrange(workload.documents)}") for _ in range(ROUNDS)]
    pairs = list(zip(users, documents, strict=True))
    found: list[int] = []

    async def entities(user: SubjectRef, permission: str) -> None:
        request = EntitiesRequest(TENANT, "document", permission, user, DEPTH)
        lookup = await invoker.entities(request, about=PAGE)
        found.append(len([one async for one in lookup.ids]))

    async def subjects(document: EntityRef) -> None:
        lookup = await invoker.subjects(SubjectsRequest(TENANT, document, "view", "user"), about=PAGE)
        found.append(len([one async for one in lookup.ids]))

    async def check(user: SubjectRef, document: EntityRef) -> None:
        await invoker.check(CheckRequest(TENANT, (Question(document, "view", user),), DEPTH))

    async def permissions(user: SubjectRef, document: EntityRef, *, with_relations: bool) -> None:
        await invoker.permissions(PermissionsRequest(TENANT, document, user, DEPTH, with_relations))

    async def bulk(user: SubjectRef) -> None:
        some = [EntityRef("document", f"d{chance.randrange(workload.documents)}") for _ in range(100)]
        await invoker.check(CheckRequest(TENANT, tuple(Question(one, "view", user) for one in some), DEPTH))

    await _report("documents a user can view", [partial(entities, user, "view") for user in users])
    _print_sizes(found)
    await _report("documents a user can sign", [partial(entities, user, "sign") for user in users])
    _print_sizes(found)
    await _report("users who can view a document", [partial(subjects, document) for document in documents])
    _print_sizes(found)
    one_check = await _report("one check of view", [partial(check, *pair) for pair in pairs])
    for with_relations, what in ((False, "all permissions on a document"), (True, "… and relations")):
        calls = [partial(permissions, *pair, with_relations=with_relations) for pair in pairs]
        await _report(what, calls, against=one_check)
    await _report("100 checks of one user", [partial(bulk, user) for user in users], against=one_check)


def _print_sizes(found: list[int]) -> None:
    """Print how long the lists were, and begin anew."""
    print(f"| … how many | {statistics.mean(found):.0f} | {statistics.median(found):.0f} | {max(found)} at most |")
    found.clear()


async def _report(what: str, calls: Sequence[Callable[[], Awaitable[None]]], *, against: float | None = None) -> float:
    """Print and give the mean in µs. against: another mean, to print how many times that it is."""
    await calls[0]()
    costs = []
    for call in calls:
        started = time.process_time_ns()
        await call()
        costs.append((time.process_time_ns() - started) / 1000)
    mean = statistics.mean(costs)
    times = f" ({mean / against:.2f} checks)" if against else ""
    quantiles = statistics.quantiles(costs, n=100)
    print(f"| {what}{times} | {mean:.0f} µs | {quantiles[49]:.0f} µs | {quantiles[98]:.0f} µs |", flush=True)
    return mean


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="tuples to load (default 100000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringward-bench-") as folder:
        asyncio.run(measure(arguments.size, Path(folder)))


if __name__ == "__main__":
    main()
