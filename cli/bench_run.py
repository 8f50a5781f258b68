"""One benchmark from the command line: what is chosen, measured, written, and told at the end."""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from bench.harness.findings import Findings
from bench.harness.judgements import Standing, judged, missed
from bench.harness.plan import HowToMeasure, Program, described, label, planned
from bench.harness.ports import Launch, NotStarted, Workload
from bench.harness.runner import Runner, Watcher
from bench.harness.schedule import Arrivals
from bench.harness.systems.choice import Choice, launches
from bench.harness.systems.database import Database
from bench.harness.targets import InvalidTargets, Targets, read_targets
from bench.harness.workloads.catalogue import Sizes, workloads
from bench.machine import machine
from cli.bench_progress import BenchProgress
from cli.running import run_until_signal
from cli.table import Table
from cli.terminal import give_up, say

INTERRUPTED = 130

_TUPLES = (100_000,)  # what targets are set for: what peers cost grows with the data


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for, by the names of the options of ``ringward bench run``."""

    workloads: Sequence[str]
    systems: Sequence[str]
    tuples: Sequence[int]
    depths: Sequence[int]
    members: Sequence[int]
    widths: Sequence[int]
    nodes: Sequence[int]
    openfga: str
    spicedb: str
    spicedb_key: str
    permify: str
    transport: str
    serve_options: Sequence[str]
    runs: int
    duration: float
    warm_up: float
    rate: float | None
    callers: int | None
    arrivals: Arrivals
    generators: int
    peaks: bool
    targets: Path | None
    check: bool
    is_list: bool
    output: Path


def run_bench(order: Order) -> int:
    """Do what is asked for; the exit code. Ends the process with a line per problem if it cannot be done at all."""
    how = _how(order)
    try:
        targets = read_targets() if order.targets is None else read_targets(order.targets)
        programs = planned(_chosen_workloads(order), _chosen_launches(order), how)
    except (InvalidTargets, OSError, ValueError) as error:
        give_up(str(error))
    if order.is_list:
        _tables(programs).print()
        return 0
    command = shlex.join(("ringward", *sys.argv[1:]))
    findings = Findings(machine(), datetime.now(UTC).isoformat(timespec="seconds"), command)
    session = _Session(programs, how, findings)
    try:
        session.run()
    finally:
        _write(findings, targets, order.output)
    for problem in (problems := _problems_with(findings, targets, is_checked=order.check)):
        say(f"error: {problem}", style="red", is_error=True)
    if session.was_told:
        return INTERRUPTED
    return 1 if problems else 0


def _how(order: Order) -> HowToMeasure:
    return HowToMeasure(
        samples=order.runs,
        duration_s=order.duration,
        warm_up_s=order.warm_up,
        rate_per_s=order.rate,
        callers=order.callers,
        arrivals=order.arrivals,
        generators=order.generators,
        has_peaks=order.peaks,
    )


def _chosen_workloads(order: Order) -> Sequence[Workload]:
    """Raises ValueError for a pattern that fits none."""
    given = {
        "tuples": order.tuples or _TUPLES,
        "depths": order.depths,
        "members": order.members,
        "widths": order.widths,
    }
    found = workloads(Sizes(**{name: sizes for name, sizes in given.items() if sizes}))
    names = {id(workload): (workload.name, described(workload.name, workload.parameters)) for workload in found}
    for pattern in order.workloads:
        if not any(_fits(pattern, names[id(workload)]) for workload in found):
            raise ValueError(f"no workload fits {pattern!r}; ringward bench --list shows them")
    return [
        workload
        for workload in found
        if not order.workloads or any(_fits(pattern, names[id(workload)]) for pattern in order.workloads)
    ]


def _fits(pattern: str, names: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _chosen_launches(order: Order) -> Sequence[Launch]:
    """Raises ValueError for a system there is not."""
    given = {"openfga": order.openfga, "spicedb": order.spicedb, "permify": order.permify}
    peers = {name: where for name, where in given.items() if where}
    transport = [f"--grpc-transport={order.transport}"] if order.transport else []
    choice = Choice(
        names=tuple(dict.fromkeys((*order.systems, *peers))) if order.systems else (),
        flags=(*transport, *order.serve_options),
        peers=peers,
        spicedb_key=order.spicedb_key,
    )
    return launches(replace(choice, nodes=order.nodes) if order.nodes else choice)


def _tables(programs: Sequence[Program]) -> Table:
    rows = [
        (str(contest), contest.way, ", ".join(map(label, contest.launches)))
        for program in programs
        for contest in program.contests
    ]
    return Table(("WORKLOAD", "LOAD", "SYSTEMS"), rows)


class _Session:
    """One run, until it ends or is told to. was_told: it was, and did not come to its end."""

    def __init__(self, programs: Sequence[Program], how: HowToMeasure, findings: Findings) -> None:
        self.was_told = False
        self._programs = programs
        self._how = how
        self._findings = findings

    def run(self) -> None:
        """All of it; what was started has ended then, and what was found is in the findings."""
        with (
            BenchProgress.shown(self._how.samples) as watcher,
            tempfile.TemporaryDirectory(prefix="ringward-bench-") as folder,
        ):
            # uvloop starts programs by a plain fork, at each of which gRPC grumbles; Python's own loop does not.
            work = partial(self._run_unless_told, watcher, Path(folder))
            run_until_signal(work, loop_factory=asyncio.new_event_loop)

    async def _run_unless_told(self, watcher: Watcher, folder: Path, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            told = group.create_task(stop.wait())
            running = group.create_task(self._run(watcher, folder))
            await asyncio.wait((told, running), return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            running.cancel()
        self.was_told = stop.is_set()

    async def _run(self, watcher: Watcher, folder: Path) -> None:
        with Database() as database:
            try:
                await Runner(self._how, self._findings, watcher, folder=folder, database=database).run(self._programs)
            except NotStarted as error:
                self._findings.problems.append(str(error))


def _write(findings: Findings, targets: Targets, folder: Path) -> None:
    """The report, unless there is nothing to tell: an older one may stand there."""
    if not (found := findings.run()).rows:
        return
    from bench.harness.report.files import write_report  # noqa: PLC0415 - plots take memory a run had better not share

    try:
        write_report(found, targets, folder)
    except OSError as error:
        give_up(f"the report could not be written: {error}")
    say(f"\nreport in {folder / 'report.html'}, {folder / 'report.md'} and {folder / 'results.json'}")


def _problems_with(findings: Findings, targets: Targets, *, is_checked: bool) -> Sequence[str]:
    """What was not measured and, if that is asked for, what was not reached."""
    if not is_checked:
        return findings.problems
    judgements = judged(findings.run(), targets)
    for judgement in judgements:
        if judgement.standing in (Standing.MET, Standing.NOT_COMPARED):
            say(str(judgement))
    return (*findings.problems, *map(str, missed(findings.run(), targets)))
