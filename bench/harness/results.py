"""What a benchmark run found, and its form as JSON: everything reports, targets and comparisons are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.harness.strict_json import Unexpected, plain, read

Parameter = str | int | float
"""A size or a way of a workload: tuples, depth, width, members, batch, callers, nodes, popularity, store."""

Loop = Literal["open", "closed"]

_FORMAT = 1  # of the JSON; another number for another shape


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What one process, with all below it, took for a sample. name: ``server``, ``server-2``, ``database`` …

    cpu_s: user and system time during the sample. peak_bytes: the most resident memory so far.
    """

    name: str
    cpu_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured stretch of load, after its warm-up.

    sent: requests meant to start within it. completed: answered without an error. errors: how many by status name.
    dropped: never sent, since the generator or its bound on open requests was behind. elapsed_s: from the first
    intended start to the last answer. latency: an HDR histogram of microseconds, in its compressed base64 form, each
    counted from the intended start. lateness_p99_ms: how late requests left the generator; if it is not well below the
    latencies, the generator was what was measured.
    """

    sent: int
    completed: int
    errors: Mapping[str, int]
    dropped: int
    elapsed_s: float
    latency: str
    lateness_p99_ms: float
    processes: Sequence[ProcessUse]


@dataclass(frozen=True, slots=True)
class Row:
    """One workload on one system, and a sample for each run.

    items: how many things one request carries, of which the cost is told each (tuples of a bulk write); else 1.
    rate_per_s: of an open loop; None for a closed one. generator: what made the load, ``ringward bench`` or the name
    and version of a kept one.
    """

    workload: str
    system: str
    parameters: Mapping[str, Parameter]
    loop: Loop
    rate_per_s: float | None
    callers: int
    items: int
    generator: str
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class System:
    """A system under measurement. note: what a reader must know to judge it: freshness, caches, settings."""

    name: str
    version: str
    note: str


@dataclass(frozen=True, slots=True)
class BenchRun:
    """A whole run. machine: commit, processor, cores, Python. began: ISO 8601, UTC. complete: False if it was stopped.

    command: how to do it again. measures: figures that are no load, such as ``ringward: start to ready, s``.
    """

    machine: str
    began: str
    command: str
    complete: bool
    systems: Sequence[System]
    rows: Sequence[Row]
    measures: Mapping[str, float] = field(default_factory=dict)


class InvalidResults(ValueError):
    """A text is not the results of a run; the message says where and why."""


def to_json(run: BenchRun) -> str:
    """The run as text. Raises ValueError for a number JSON cannot say."""
    return json.dumps({"format": _FORMAT, **plain(run)}, indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> BenchRun:
    """The run a text of ``to_json`` was made from. Raises InvalidResults for anything else."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidResults(f"results: not JSON: {error}") from error
    if not isinstance(found, dict) or found.pop("format", None) != _FORMAT:
        raise InvalidResults(f"results: expected a table with format {_FORMAT}, as this version writes it")
    try:
        return read(BenchRun, found, "results")
    except Unexpected as error:
        raise InvalidResults(str(error)) from error
