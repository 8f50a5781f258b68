"""A run over small servers of our own: turns, what is left out and why, and what is there after an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from bench.harness.findings import Findings
from bench.harness.histogram import Latency
from bench.harness.plan import PEAK, HowToMeasure, planned
from bench.harness.ports import Ability, CallFailed, Dataset, NotStarted, Place
from bench.harness.results import Parameter, Row
from bench.harness.runner import Runner
from bench.harness.systems.database import Database
from tests.support.asked import BROKEN, WRONG, AskedEndpoint, AskedServer, AskedWorkload

QUICK = HowToMeasure(samples=2, duration_s=0.15, warm_up_s=0.05)


@dataclass
class SmallSystem:
    """A server that runs in this process. is_bad: it takes no data."""

    name: str
    server: AskedServer
    is_bad: bool = False
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    abilities: frozenset[Ability] = frozenset()
    version: str = "7"
    note: str = "small"
    processes: Mapping[str, int] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=lambda: {"start to ready, s": 0.5})
    places: list[Place] = field(default_factory=list)
    is_running: bool = False

    @asynccontextmanager
    async def started(self, place: Place) -> AsyncIterator[SmallSystem]:
        self.places.append(place)
        async with self.server.serving():
            self.is_running = True
            try:
                yield self
            finally:
                self.is_running = False

    async def load(self, dataset: Dataset) -> AskedEndpoint:
        del dataset
        if self.is_bad:
            raise CallFailed("UNAVAILABLE", "no room")
        return AskedEndpoint((self.server.address,))


class Log:
    """Watches. on_sample: called after each."""

    def __init__(self) -> None:
        self.stretches = 0
        self.turns: list[str] = []
        self.sampled = asyncio.Event()

    def begins(self, stretches: int) -> None:
        self.stretches = stretches

    def says(self, text: str) -> None:
        assert text

    def measured(self, row: Row) -> None:
        self.turns.append(f"{row.workload} {row.system} {len(row.samples)}")
        self.sampled.set()


class Session:
    """A run over small systems."""

    def __init__(self, folder: Path, systems: Sequence[SmallSystem], how: HowToMeasure = QUICK) -> None:
        self.findings = Findings("a machine", "now", "ringward bench")
        self.log = Log()
        self._folder, self._systems, self._how = folder, systems, how

    async def run(self, *workloads: AskedWorkload) -> None:
        with Database() as database:
            runner = Runner(self._how, self.findings, self.log, folder=self._folder, database=database)
            await runner.run(planned(workloads, self._systems, self._how))


async def test_systems_take_turns_and_another_begins_each_time(tmp_path: Path) -> None:
    systems = [SmallSystem("a", AskedServer()), SmallSystem("b", AskedServer())]
    session = Session(tmp_path, systems, HowToMeasure(samples=3, duration_s=0.1, warm_up_s=0.0))
    await session.run(AskedWorkload("w"))
    assert session.log.turns == ["w a 1", "w b 1", "w b 2", "w a 2", "w a 3", "w b 3"]
    assert session.log.stretches == 6
    assert not any(system.is_running for system in systems)
    assert systems[0].places[0].folder != systems[1].places[0].folder


async def test_what_is_found_becomes_rows_with_samples_systems_and_measures(tmp_path: Path) -> None:
    session = Session(tmp_path, [SmallSystem("a", AskedServer(), parameters={"nodes": 2})])
    assert not session.findings.run().complete
    await session.run(AskedWorkload("w", {"depth": 3}, rate_per_s=100.0, items=5), AskedWorkload("v"))
    run = session.findings.run()
    assert run.complete
    assert [(system.name, system.version, system.note) for system in run.systems] == [("a", "7", "small")]
    assert run.measures == {"a: start to ready, s": 0.5}
    first, second = run.rows
    assert (first.workload, first.system, first.parameters) == ("w", "a", {"depth": 3, "nodes": 2})
    assert (first.loop, first.rate_per_s, first.callers, first.items) == ("open", 100.0, 0, 5)
    assert (second.loop, second.rate_per_s, second.callers, second.items) == ("closed", None, 4, 1)
    assert first.generator == second.generator == "ringward bench"
    for sample in (*first.samples, *second.samples):
        assert sample.completed == sample.sent == Latency.decoded(sample.latency).count > 0
        assert (sample.errors, sample.dropped, list(sample.processes)) == ({}, 0, [])
        assert 0 < sample.elapsed_s < 0.5


async def test_peaks_are_measured_by_h2load(tmp_path: Path) -> None:
    session = Session(tmp_path, [SmallSystem("a", AskedServer())])
    await session.run(AskedWorkload("cached", warm=("plan",)))
    peak = session.findings.run().rows[1]
    assert (peak.workload, peak.loop, peak.callers) == (PEAK, "closed", 4)
    assert peak.generator.startswith("h2load nghttp2/")
    assert [sample.errors for sample in peak.samples] == [{}, {}]
    assert session.findings.problems == []


async def test_of_wrong_answers_no_speed_is_told(tmp_path: Path) -> None:
    session = Session(tmp_path, [SmallSystem("a", AskedServer()), SmallSystem("b", AskedServer(answer=WRONG))])
    await session.run(AskedWorkload("w", {"depth": 3}))
    assert session.findings.run().rows == ()
    (problem,) = session.findings.problems
    assert problem.startswith("w depth=3: ")
    assert "a says True, b says False" in problem


async def test_a_system_that_takes_no_data_leaves_the_others_be(tmp_path: Path) -> None:
    session = Session(tmp_path, [SmallSystem("a", AskedServer(), is_bad=True), SmallSystem("b", AskedServer())])
    await session.run(AskedWorkload("w"))
    assert [row.system for row in session.findings.run().rows] == ["b"]
    assert session.findings.problems == ["a could not be loaded for w: UNAVAILABLE: no room"]
    assert session.findings.run().complete


async def test_a_workload_that_runs_out_is_told_and_the_next_one_measured(tmp_path: Path) -> None:
    session = Session(tmp_path, [SmallSystem("a", AskedServer())])
    await session.run(AskedWorkload("w", most=3), AskedWorkload("v"))
    assert [row.workload for row in session.findings.run().rows] == ["v"]
    assert session.findings.problems == [
        "w tuples=0 on a: there was nothing left to ask that had not been asked before"
    ]


async def test_a_question_that_breaks_a_system_is_an_error_of_its_row(tmp_path: Path) -> None:
    session = Session(tmp_path, [SmallSystem("a", AskedServer())])
    await session.run(AskedWorkload("cached", warm=(BROKEN.decode(),)))
    assert [row.workload for row in session.findings.run().rows] == ["cached"]
    assert session.findings.problems == [f"{PEAK} tuples=0 on a: RESOURCE_EXHAUSTED: no"]


async def test_a_system_that_cannot_be_had_ends_the_run_and_those_that_run(tmp_path: Path) -> None:
    class Absent(SmallSystem):
        def started(self, place: Place) -> NoReturn:
            del place
            raise NotStarted("no such program")

    there = SmallSystem("a", AskedServer())
    session = Session(tmp_path, [there, Absent("b", AskedServer())])
    with pytest.raises(NotStarted):
        await session.run(AskedWorkload("w"))
    assert len(there.places) == 1
    assert not there.is_running
    assert not session.findings.run().complete


async def test_what_was_measured_before_an_interruption_is_there(tmp_path: Path) -> None:
    system = SmallSystem("a", AskedServer())
    session = Session(tmp_path, [system], HowToMeasure(samples=500, duration_s=0.1, warm_up_s=0.0))
    task = asyncio.ensure_future(session.run(AskedWorkload("w")))
    await session.log.sampled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    run = session.findings.run()
    assert not run.complete
    assert 1 <= len(run.rows[0].samples) < 500
    assert not system.is_running
