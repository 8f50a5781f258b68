"""Results of benchmarks, made up: rows with the figures a test wants."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from bench.harness.histogram import Latency
from bench.harness.results import BenchRun, Loop, Parameter, ProcessUse, Row, Sample, System


def sample(
    *,
    p50_ms: float = 1.0,
    spread: float = 0.0,
    per_s: float = 1_000.0,
    server_us: float = 50.0,
    database_us: float = 25.0,
    items: int = 1,
    completed: int = 1_000,
    errors: Mapping[str, int] | None = None,
    dropped: int = 0,
    late_ms: float = 0.05,
    server_mb: float = 80.0,
    seed: int = 0,
) -> Sample:
    """One in which ``completed`` requests took about ``p50_ms``, log-normally spread, and cost that much CPU each."""
    latency, chance = Latency(), random.Random(seed)
    for _ in range(completed):
        latency.record_s(p50_ms / 1e3 * chance.lognormvariate(0, spread))
    errors = errors or {}
    uses = (
        ProcessUse("server", server_us * items * completed / 1e6, int(server_mb * 1e6)),
        ProcessUse("database", database_us * items * completed / 1e6, 300_000_000),
    )
    return Sample(
        sent=completed + sum(errors.values()) + dropped,
        completed=completed,
        errors=errors,
        dropped=dropped,
        elapsed_s=completed / per_s,
        latency=latency.encoded(),
        lateness_p99_ms=late_ms,
        processes=uses,
    )


def row(
    workload: str = "cached",
    system: str = "ringward",
    samples: Sequence[Sample] = (),
    *,
    parameters: Mapping[str, Parameter] | None = None,
    loop: Loop = "closed",
    rate_per_s: float | None = None,
    callers: int = 32,
    items: int = 1,
    generator: str = "ringward bench",
) -> Row:
    """A row of one ordinary sample, unless told otherwise."""
    samples = samples or (sample(items=items),)
    callers = 0 if loop == "open" else callers
    return Row(workload, system, parameters or {}, loop, rate_per_s, callers, items, generator, tuple(samples))


def bench_run(
    *rows: Row,
    measures: Mapping[str, float] | None = None,
    complete: bool = True,
    machine: str = "commit 1111111111, AMD EPYC, 2 cores, Python 3.11.7",
) -> BenchRun:
    """A run of these rows, with the systems they name."""
    systems = [System(name, "1.0", f"{name} as it is") for name in dict.fromkeys(each.system for each in rows)]
    command, began = "ringward bench --runs 3", "2026-01-02T03:04:05Z"
    return BenchRun(machine, began, command, complete, tuple(systems), rows, measures or {})
