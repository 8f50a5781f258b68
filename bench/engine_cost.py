"""What a node's core costs without a transport: loading, a check never seen before, deep folders, a wide group.

Run ``python -m bench.engine_cost [--size 100000]``. Times are CPU of engine and store together, in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from bench.machine import machine, peak_memory_mb
from bench.workload import DRIVE_SCHEMA, DriveWorkload, folder_chain, wide_group
from cluster.invoker.invoker import Invoker
from model.check import CheckRequest, Question, Verdict
from model.tuples import EntityRef, RelationTuple, SubjectRef
from schema.compiler import compile_schema
from storage.base import Changeset, Storage
from storage.sqlite.store import SqliteStorage
from tests.support.invokers import lone_invoker

TENANT = "bench"
BATCH = 1_000
DEPTH = 100


async def measure(size: int, checks: int, folder: Path) -> None:
    """Load, check, print."""
    print(f"{machine()}\n\n| what | figure |\n|--|--:|")
    storage = await SqliteStorage.open(folder / "bench.db")
    try:
        await storage.write_schema(TENANT, compile_schema(DRIVE_SCHEMA).text)
        workload = DriveWorkload(size)
        rows = list(workload.tuples())
        started = time.perf_counter()
        await load(storage, rows)
        _print(f"loading {len(rows)} tuples through the port, batches of {BATCH}", time.perf_counter() - started, "s")
        rows.clear()  # a node would not hold them, and the garbage collector would walk them during the checks
        _print("peak memory of the process after loading", peak_memory_mb(), "MB")
        invoker = lone_invoker(storage)
        await _check_all(invoker, list(workload.questions(checks)))
        await _check_shapes(storage, invoker)
    finally:
        await storage.close()


async def load(storage: Storage, rows: Iterable[RelationTuple]) -> None:
    """Write the rows in batches."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        await storage.write(TENANT, [Changeset(batch)])


async def _check_all(invoker: Invoker, questions: Sequence[Question]) -> None:
    """The mean over the whole run, which the clock does not disturb; the percentiles from a second, timed one."""
    requests = [CheckRequest(TENANT, (question,), DEPTH) for question in questions]
    await invoker.check(requests.pop())  # compiles the schema
    started = time.process_time()
    answers = [(await invoker.check(request))[0] for request in requests]
    mean_us = (time.process_time() - started) / len(requests) * 1e6
    allowed = 100 * sum(answer.verdict() is Verdict.ALLOWED for answer in answers) / len(answers)
    _print(f"check never seen before, mean of {len(answers)} ({allowed:.0f} % allowed)", mean_us, "µs")
    quantiles = statistics.quantiles([await _cost_us(invoker, request) for request in requests], n=100)
    _print("… median", quantiles[49], "µs")
    _print("… 99th percentile", quantiles[98], "µs")
    _print("… members looked at, mean", statistics.mean(answer.check_count for answer in answers), "")


async def _check_shapes(storage: Storage, invoker: Invoker) -> None:
    await load(storage, (*folder_chain(20), *wide_group(100_000)))
    for depth in (1, 5, 10, 20):
        question = Question(EntityRef("folder", f"deep{depth}"), "view", SubjectRef("user", "top"))
        _print(f"view of a folder {depth} deep", await _median_us(invoker, question), "µs")
    member = Question(EntityRef("document", "wide"), "view", SubjectRef("user", "m77777"))
    _print("member of a group with 100 000 direct members", await _median_us(invoker, member), "µs")
    stranger = Question(EntityRef("document", "wide"), "view", SubjectRef("user", "stranger"))
    _print("no member of it", await _median_us(invoker, stranger), "µs")


async def _median_us(invoker: Invoker, question: Question) -> float:
    request = CheckRequest(TENANT, (question,), DEPTH)
    return statistics.median([await _cost_us(invoker, request) for _ in range(200)])


async def _cost_us(invoker: Invoker, request: CheckRequest) -> float:
    started = time.process_time_ns()
    await invoker.check(request)
    return (time.process_time_ns() - started) / 1000


def _print(what: str, figure: float, unit: str) -> None:
    print(f"| {what} | {figure:.{1 if figure < 1000 else 0}f} {unit} |", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="tuples to load (default 100000)")
    parser.add_argument("--checks", type=int, default=5_000, help="checks to measure (default 5000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringward-bench-") as folder:
        asyncio.run(measure(arguments.size, arguments.checks, Path(folder)))


if __name__ == "__main__":
    main()
