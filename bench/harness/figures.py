"""The figures a row of results is told in, each as the median of its samples with the least and the most.

The median, since one sample in which a neighbour of the machine was busy must not decide; least and most, since a
reader must see that there was one.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bench.harness.histogram import Latency
from bench.harness.results import Parameter, ProcessUse, Row, Sample

FAULTS_ALLOWED_RATIO = 0.001
"""A row in which more of what was to be sent failed or was dropped says nothing of the system's speed."""

PERCENTILES: Mapping[str, float] = {"p50_ms": 50.0, "p90_ms": 90.0, "p99_ms": 99.0, "p99_9_ms": 99.9}
"""The figures of latency that are percentiles, and which."""

_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured. title: with its unit. better: in which direction. digits: behind the point, in tables."""

    title: str
    better: Literal["less", "more"]
    digits: int

    @property
    def unit(self) -> str:
        """What it is counted in, from the title."""
        return self.title.rpartition(", ")[2]

    def text(self, value: float) -> str:
        """The value as tables show it, without the unit."""
        return f"{value:_.{self.digits}f}".replace("_", "\N{NO-BREAK SPACE}")


FIGURES: Mapping[str, Figure] = {
    "p50_ms": Figure("p50, ms", "less", 2),
    "p90_ms": Figure("p90, ms", "less", 2),
    "p99_ms": Figure("p99, ms", "less", 2),
    "p99_9_ms": Figure("p99.9, ms", "less", 2),
    "max_ms": Figure("slowest, ms", "less", 1),
    "per_s": Figure("completed a second", "more", 0),
    "cpu_us": Figure("CPU of server and database, µs", "less", 0),
    "server_cpu_us": Figure("CPU of server, µs", "less", 0),
    "database_cpu_us": Figure("CPU of database, µs", "less", 0),
    "server_mb": Figure("memory of server, MB", "less", 0),
    "database_mb": Figure("memory of database, MB", "less", 0),
}
"""All there are, by the names targets use. CPU is per request, or per item where a request carries several; memory the
most that was held, of a database shared by several systems that of all."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What the samples of a row say of a figure. values: one for each sample that has it, at least one, in order."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one, or the mean of both in the middle."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest."""
        return max(self.values)


def spreads(row: Row) -> Mapping[str, Spread]:
    """Each figure the row has, by name, in the order of ``FIGURES``.

    A sample without a completed request has no figures; one of a system whose processes are not known has none of
    CPU and memory.
    """
    samples = [_values(row, sample) for sample in row.samples]
    found = {name: tuple(values[name] for values in samples if name in values) for name in FIGURES}
    return {name: Spread(values) for name, values in found.items() if values}


def faults_ratio(row: Row) -> float:
    """The share of what was to be sent that failed or was dropped; 1 if there was nothing."""
    intended = sum(sample.sent for sample in row.samples)
    faults = sum(sum(sample.errors.values()) + sample.dropped for sample in row.samples)
    return faults / intended if intended else 1.0


def lateness_p99_ms(row: Row) -> float:
    """How late the generator was in its worst sample."""
    return max((sample.lateness_p99_ms for sample in row.samples), default=0.0)


def load_name(workload: str, parameters: Mapping[str, Parameter], rate_per_s: float | None) -> str:
    """A workload with its sizes and rate, on one line."""
    sizes = [f"{name} {size_text(value)}" for name, value in parameters.items()]
    rate = [f"{size_text(rate_per_s)} a second"] if rate_per_s is not None else []
    return f"{workload} ({', '.join(sizes + rate)})" if sizes or rate else workload


def size_text(value: Parameter) -> str:
    """A parameter as tables show it: 100 000, 0.01, zipf."""
    if isinstance(value, str):
        return value
    return f"{value:_.10g}".replace("_", "\N{NO-BREAK SPACE}")


def _values(row: Row, sample: Sample) -> dict[str, float]:
    if not sample.completed:
        return {}
    times = Latency.decoded(sample.latency)
    servers = [use for use in sample.processes if not _is_database(use)]
    databases = [use for use in sample.processes if _is_database(use)]
    items = sample.completed * row.items
    found = {name: times.percentile_ms(percentile) for name, percentile in PERCENTILES.items()}
    found |= {"max_ms": times.max_ms, "per_s": sample.completed / sample.elapsed_s}
    if servers:
        found |= {"cpu_us": _cpu_us(sample.processes) / items, "server_cpu_us": _cpu_us(servers) / items}
        found["server_mb"] = _peak_mb(servers)
    if databases:
        found |= {"database_cpu_us": _cpu_us(databases) / items, "database_mb": _peak_mb(databases)}
    return found


def _is_database(use: ProcessUse) -> bool:
    return use.name.startswith("database")


def _cpu_us(uses: Iterable[ProcessUse]) -> float:
    return sum(use.cpu_s for use in uses) * 1e6


def _peak_mb(uses: Iterable[ProcessUse]) -> float:
    return sum(use.peak_bytes for use in uses) / _BYTES_PER_MB
