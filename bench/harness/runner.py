"""A whole run: all systems side by side, every workload asked of each of them in turns.

Systems take turns within a workload, so that a machine that is busy for a while is so for all of them, and another one
begins each time. What was found so far is there at any moment, also after the run was cancelled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.harness.findings import Findings
from bench.harness.generator import Exhausted, Generator, GeneratorFailed
from bench.harness.kept import H2load, KeptFailed
from bench.harness.load import Outcome
from bench.harness.plan import Contest, HowToMeasure, Program, label
from bench.harness.ports import CallFailed, Endpoint, Launch, Place
from bench.harness.ports import System as RunningSystem
from bench.harness.results import ProcessUse, Row, Sample
from bench.harness.schedule import ClosedLoop, OpenLoop, Stretch
from bench.harness.systems.database import Database
from bench.harness.usage import Meter
from bench.harness.verdicts import differences

_MOST_LINES = 5  # of answers that differ, for each workload
_FAILURES = (CallFailed, Exhausted, GeneratorFailed, KeptFailed)  # of one row, which leave the others be


class Watcher(Protocol):
    """Somebody who sees a run go on."""

    def begins(self, stretches: int) -> None:
        """So many stretches of load will be made, or fewer."""

    def says(self, text: str) -> None:
        """What is going on now."""

    def measured(self, row: Row) -> None:
        """A stretch is over, whose sample is the row's last."""


class _Load(Protocol):
    """A generator, ours or a kept one, as it is asked for one stretch after another."""

    @property
    def name(self) -> str: ...

    async def warm_up(self, stretch: Stretch) -> None: ...

    async def measure(self) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class _Side:
    """One system in a contest. row: without samples."""

    system: RunningSystem
    load: _Load
    row: Row


class Runner:
    """Does what was planned. folder: empty, for what systems and generators keep. database: a server for systems."""

    def __init__(
        self, how: HowToMeasure, findings: Findings, watcher: Watcher, *, folder: Path, database: Database
    ) -> None:
        self._how = how
        self._findings = findings
        self._watcher = watcher
        self._folder = folder
        self._database = database
        self._folders = 0

    async def run(self, programs: Sequence[Program]) -> None:
        """Start all systems, measure, and end them. Raises NotStarted if one cannot be had."""
        contests = [contest for program in programs for contest in program.contests]
        self._watcher.begins(self._how.samples * sum(len(contest.launches) for contest in contests))
        launches = {label(launch): launch for program in programs for launch in program.launches}
        async with AsyncExitStack() as stack:
            systems: dict[str, RunningSystem] = {}
            for name, launch in launches.items():
                self._watcher.says(f"starting {name}")
                place = Place(self._new_folder(), self._database)
                systems[name] = await stack.enter_async_context(launch.started(place))
                self._findings.add_system(systems[name])
            for program in programs:
                endpoints = await self._loaded(program, systems)
                for contest in program.contests:
                    await self._hold(contest, systems, endpoints)
            self._findings.is_complete = True

    async def _loaded(self, program: Program, systems: Mapping[str, RunningSystem]) -> Mapping[str, Endpoint]:
        """Endpoints of the systems that have the data."""
        endpoints = {}
        for name in map(label, program.launches):
            self._watcher.says(f"loading {name} for {program}")
            try:
                endpoints[name] = await systems[name].load(program.dataset)
            except (CallFailed, ValueError) as error:
                self._findings.problems.append(f"{name} could not be loaded for {program}: {error}")
        return endpoints

    async def _hold(
        self, contest: Contest, systems: Mapping[str, RunningSystem], endpoints: Mapping[str, Endpoint]
    ) -> None:
        """Measure one workload on all systems, unless they disagree: of wrong answers no speed is told."""
        able = {name: launch for launch in contest.launches if (name := label(launch)) in endpoints}
        self._watcher.says(f"{contest}: comparing answers")
        asked = {name: endpoints[name] for name in able}
        if different := await differences(asked, contest.workload):
            self._findings.problems += [f"{contest}: {line}" for line in different[:_MOST_LINES]]
            return
        async with AsyncExitStack() as stack:
            sides: list[_Side] = []
            for name, launch in able.items():
                try:
                    load = await stack.enter_async_context(self._load(contest, endpoints[name]))
                except KeptFailed as error:
                    self._findings.problems.append(f"{contest} on {name}: {error}")
                else:
                    sides.append(_Side(systems[name], load, _row(contest, launch, load)))
            await self._take_turns(contest, sides)

    async def _take_turns(self, contest: Contest, sides: list[_Side]) -> None:
        for turn in range(self._how.samples):
            stretch = Stretch(contest.schedule.at_turn(turn), self._how.warm_up_s, self._how.duration_s)
            for side in _rotated(sides, turn):
                where = f"{contest} on {side.system.name}"
                self._watcher.says(f"{where}, {turn + 1} of {self._how.samples}")
                try:
                    sample = await _sample(side, stretch)
                except _FAILURES as error:
                    self._findings.problems.append(f"{where}: {error}")
                    sides.remove(side)
                else:
                    self._watcher.measured(self._findings.add(side.row, sample))

    @asynccontextmanager
    async def _load(self, contest: Contest, endpoint: Endpoint) -> AsyncIterator[_Load]:
        """A generator for a contest. Raises KeptFailed."""
        if contest.is_peak:
            request = endpoint.request(next(contest.workload.warm_up()))
            yield await H2load.found(endpoint, request, self._new_folder())
            return
        async with Generator.started(contest.workload, endpoint, processes=self._how.generators) as generator:
            yield generator

    def _new_folder(self) -> Path:
        self._folders += 1
        folder = self._folder / f"{self._folders}"
        folder.mkdir()
        return folder


async def _sample(side: _Side, stretch: Stretch) -> Sample:
    await side.load.warm_up(stretch)
    meter = Meter(side.system.processes)
    outcome = await side.load.measure()
    return _as_sample(outcome, meter.taken())


def _as_sample(outcome: Outcome, processes: Sequence[ProcessUse]) -> Sample:
    return Sample(
        sent=outcome.sent,
        completed=outcome.completed,
        errors=outcome.errors,
        dropped=outcome.dropped,
        elapsed_s=outcome.ended_s - outcome.began_s,
        latency=outcome.latency.encoded(),
        lateness_p99_ms=outcome.lateness.percentile_ms(99),
        processes=processes,
    )


def _row(contest: Contest, launch: Launch, load: _Load) -> Row:
    schedule = contest.schedule
    return Row(
        workload=contest.name,
        system=launch.name,
        parameters=contest.parameters(launch),
        loop="open" if isinstance(schedule, OpenLoop) else "closed",
        rate_per_s=schedule.rate_per_s if isinstance(schedule, OpenLoop) else None,
        callers=schedule.callers if isinstance(schedule, ClosedLoop) else 0,
        items=contest.workload.items,
        generator=load.name,
        samples=(),
    )


def _rotated(sides: Sequence[_Side], turn: int) -> Sequence[_Side]:
    """All of them, another one first each turn."""
    first = turn % len(sides) if sides else 0
    return (*sides[first:], *sides[:first])
