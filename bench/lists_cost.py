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
from contextlib import aclosing
from functools import partial
from pathlib import Path

from bench.engine_cost import DEPTH, TENANT, load
from bench.machine import machine, peak_memory_mb
from bench.workload import DRIVE_SCHEMA, DriveWorkload, shelves, wide_group
from cluster.invoker.invoker import Invoker, Lookup
from model.check import CheckRequest, PermissionsRequest, Question
from model.lookup import EntitiesRequest, SubjectsRequest
from model.tuples import EntityRef, SubjectRef
from schema.compiler import compile_schema
from storage.base import Storage, TupleFilter
from storage.sqlite.store import SqliteStorage
from tests.support.invokers import lone_invoker

ROUNDS = 300
EVERYTHING = 1_000_000
PAGE = 1_000


async def measure(size: int, folder: Path) -> None:
    """Load, ask, print."""
    print(f"{machine()}\n\n| what | mean | median | 99 % |\n|--|--:|--:|--:|")
    storage = await SqliteStorage.open(folder / "bench.db")
    try:
        await storage.write_schema(TENANT, compile_schema(DRIVE_SCHEMA).text)
        workload = DriveWorkload(size)
        await load(storage, workload.tuples())
        invoker = lone_invoker(storage)
        await _measure(invoker, workload)
        await _measure_pages(storage, invoker)
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
        lookup = await invoker.entities(request, about=EVERYTHING)
        found.append(len([one async for one in lookup.ids]))

    async def subjects(document: EntityRef) -> None:
        lookup = await invoker.subjects(SubjectsRequest(TENANT, document, "view", "user"), about=EVERYTHING)
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
    checks = [partial(check, *pair) for pair in pairs]
    for with_relations, what in ((False, "all permissions on a document"), (True, "… and relations")):
        calls = [partial(permissions, *pair, with_relations=with_relations) for pair in pairs]
        await _report_against(what, calls, "one check of view", checks)
    await _report_against("100 checks of one user", [partial(bulk, user) for user in users], "one check", checks)


async def _measure_pages(storage: Storage, invoker: Invoker) -> None:
    """Lists of 100 000 read page by page, each page asked for anew: of one folder, of 10 000 folders, of one group."""

    async def documents(user: SubjectRef, beyond: str) -> Lookup:
        request = EntitiesRequest(TENANT, "document", "view", user, DEPTH, beyond=beyond)
        return await invoker.entities(request, about=PAGE + 1)

    async def members(document: EntityRef, beyond: str) -> Lookup:
        return await invoker.subjects(SubjectsRequest(TENANT, document, "view", "user", beyond=beyond), about=PAGE + 1)

    for folders in (1, 10_000):
        await load(storage, shelves(folders, documents=100_000))
        await _report_pages(
            f"100 000 documents in {folders} folders", partial(documents, SubjectRef("user", "librarian"))
        )
        await storage.delete(TENANT, TupleFilter(subject_ids=["librarian"]), None)
    await load(storage, wide_group(100_000))
    await _report_pages("100 000 members of a group", partial(members, EntityRef("document", "wide")))


async def _report_pages(what: str, page_beyond: Callable[[str], Awaitable[Lookup]]) -> None:
    """Read pages to the end and print what one took, and by how much the process grew."""
    costs, beyond, ids, before_mb = [], "", 0, peak_memory_mb()
    while True:
        started = time.process_time_ns()
        async with aclosing((await page_beyond(beyond)).ids) as found:
            page = [await anext(found, "") for _ in range(PAGE)]
        page = [one for one in page if one]
        costs.append((time.process_time_ns() - started) / 1000)
        ids += len(page)
        if len(page) < PAGE:
            break
        beyond = page[-1]
    print(
        f"| {what}, a page of {PAGE} | {statistics.mean(costs):.0f} µs | {statistics.median(costs):.0f} µs"
        f" | {max(costs):.0f} µs at most; {ids} ids, {peak_memory_mb() - before_mb:.0f} MB more |"
    )


def _print_sizes(found: list[int]) -> None:
    """Print how long the lists were, and begin anew."""
    print(f"| … how many | {statistics.mean(found):.0f} | {statistics.median(found):.0f} | {max(found)} at most |")
    found.clear()


Call = Callable[[], Awaitable[None]]


async def _report(what: str, calls: Sequence[Call]) -> None:
    """Call each once, after the first to warm up, and print."""
    await calls[0]()
    _print_costs(what, [await _cost_us(call) for call in calls])


async def _report_against(what: str, calls: Sequence[Call], against: str, others: Sequence[Call]) -> None:
    """Call in turns with others, since the machine is noisy, and print how many of those one call is worth."""
    await calls[0]()
    costs, other_costs = [], []
    for call, other in zip(calls, others, strict=True):
        costs.append(await _cost_us(call))
        other_costs.append(await _cost_us(other))
    _print_costs(f"{what}: {statistics.mean(costs) / statistics.mean(other_costs):.2f} times {against}", costs)


async def _cost_us(call: Call) -> float:
    started = time.process_time_ns()
    await call()
    return (time.process_time_ns() - started) / 1000


def _print_costs(what: str, costs: Sequence[float]) -> None:
    quantiles = statistics.quantiles(costs, n=100)
    print(f"| {what} | {statistics.mean(costs):.0f} µs | {quantiles[49]:.0f} µs | {quantiles[98]:.0f} µs |", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="tuples to load (default 100000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringward-bench-") as folder:
        asyncio.run(measure(arguments.size, Path(folder)))


if __name__ == "__main__":
    main()
