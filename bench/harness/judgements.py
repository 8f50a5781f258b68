"""A run held against targets: each limit met, missed, not measured, or not compared since the other system is absent.

A figure is the median of a row's samples. A row in which requests failed or were dropped has met nothing, however fast
the others were; what was to be measured and was not is missed as well, so that a run cannot pass by leaving it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from bench.harness.figures import (
    FAULTS_ALLOWED_RATIO,
    FIGURES,
    faults_ratio,
    lateness_p99_ms,
    load_name,
    size_text,
    spreads,
)
from bench.harness.results import BenchRun, Parameter, Row
from bench.harness.targets import Against, MeasureTarget, Target, Targets


class Standing(Enum):
    """How a limit was kept."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One limit, held against one row or measure.

    what: the row. figure: its title. limit: in words. measured: empty if there is nothing to hold against it. note:
    what else must be known, or empty. source: of the target.
    """

    standing: Standing
    what: str
    figure: str
    limit: str
    source: str
    measured: str = ""
    note: str = ""

    def __str__(self) -> str:
        measured = f"{self.measured}, wanted " if self.measured else "wanted "
        note = f" ({self.note})" if self.note else ""
        return f"{self.standing.value}: {self.what}: {self.figure}: {measured}{self.limit}{note}"


def judged(run: BenchRun, targets: Targets) -> tuple[Judgement, ...]:
    """Each limit held against each row it is for, in the order of the targets."""
    return (
        *(judgement for target in targets.target for judgement in _judged(run, target)),
        *(_judged_measure(run, target) for target in targets.measure),
    )


def missed(run: BenchRun, targets: Targets) -> tuple[Judgement, ...]:
    """What the run did not reach, with what it did not measure."""
    failures = (Standing.MISSED, Standing.NOT_MEASURED)
    return tuple(judgement for judgement in judged(run, targets) if judgement.standing in failures)


def _judged(run: BenchRun, target: Target) -> Iterator[Judgement]:
    rows = [row for row in run.rows if target.selects(row)]
    for row in rows:
        for name, limit in (*target.at_most.items(), *target.at_least.items()):
            yield _held(target, row, name, limit)
        for against in target.against:
            yield from _compared(run, target, row, against)
    if not rows:
        what = _described(target.workload, target.system, target.parameters, target.rate_per_s)
        for name, words in _limits(target):
            yield Judgement(Standing.NOT_MEASURED, what, FIGURES[name].title, words, target.source)


def _held(target: Target, row: Row, name: str, limit: float) -> Judgement:
    """A figure of one row, held against an absolute limit."""
    figure, found = FIGURES[name], spreads(row).get(name)
    if found is None:
        return _of_row(target, row, name, _limit(name, limit), Standing.NOT_MEASURED)
    kept = found.median <= limit if figure.better == "less" else found.median >= limit
    standing, note = _standing(kept, row)
    late_ms = lateness_p99_ms(row)
    if not (kept or note) and name.endswith("_ms") and late_ms > limit / 2:
        note = f"the generator itself was {late_ms:.1f} ms late"
    return _of_row(target, row, name, _limit(name, limit), standing, figure.text(found.median), note)


def _compared(run: BenchRun, target: Target, row: Row, against: Against) -> Iterator[Judgement]:
    """A figure of one row, held against that of another system under the same load."""
    name, limit = against.figure, _part(against)
    if against.system not in {system.name for system in run.systems}:
        note = f"{against.system} was not in the run"
        yield _of_row(target, row, name, limit, Standing.NOT_COMPARED, note=note)
        if against.otherwise is not None:
            yield _held(target, row, name, against.otherwise)
        return
    others = [other for other in run.rows if other.system == against.system and _same_load(row, other)]
    ours, theirs = spreads(row).get(name), next(filter(None, (spreads(other).get(name) for other in others)), None)
    if ours is None or theirs is None or not theirs.median:  # too short a run may have cost no tick of the clock
        note = f"{row.system if ours is None else against.system} has no such figure under this load"
        yield _of_row(target, row, name, limit, Standing.NOT_MEASURED, note=note)
        return
    standing, note = _standing(ours.median <= against.at_most * theirs.median, row, *others)
    text = FIGURES[name].text
    measured = f"{ours.median / theirs.median:.3g} times ({text(ours.median)} against {text(theirs.median)})"
    yield _of_row(target, row, name, limit, standing, measured, note)


def _judged_measure(run: BenchRun, target: MeasureTarget) -> Judgement:
    what, _, figure = target.measure.partition(": ")
    found = run.measures.get(target.measure)
    standing = Standing.NOT_MEASURED
    if found is not None:
        standing = Standing.MET if found <= target.at_most else Standing.MISSED
    measured = "" if found is None else f"{found:.4g}"
    return Judgement(standing, what, figure, f"at most {size_text(target.at_most)}", target.source, measured)


def _standing(kept: bool, *rows: Row) -> tuple[Standing, str]:
    """Where a limit stands, and why if not for the limit's sake."""
    if faulty := next((row for row in rows if faults_ratio(row) > FAULTS_ALLOWED_RATIO), None):
        note = f"{faults_ratio(faulty):.2%} of the requests to {faulty.system} failed or were dropped"
        return Standing.MISSED, note
    return (Standing.MET if kept else Standing.MISSED), ""


def _same_load(row: Row, other: Row) -> bool:
    """True if both systems were asked the same in the same way; a parameter only one of them has is its own affair."""
    shared = row.parameters.keys() & other.parameters.keys()
    return (row.workload, row.loop, row.rate_per_s, row.callers, row.generator) == (
        other.workload,
        other.loop,
        other.rate_per_s,
        other.callers,
        other.generator,
    ) and all(row.parameters[name] == other.parameters[name] for name in shared)


def _of_row(
    target: Target, row: Row, name: str, limit: str, standing: Standing, measured: str = "", note: str = ""
) -> Judgement:
    what = _described(row.workload, row.system, row.parameters, row.rate_per_s)
    return Judgement(standing, what, FIGURES[name].title, limit, target.source, measured, note)


def _described(workload: str, system: str, parameters: Mapping[str, Parameter], rate_per_s: float | None) -> str:
    return f"{load_name(workload, parameters, rate_per_s)} on {system}"


def _limits(target: Target) -> Iterator[tuple[str, str]]:
    """The figure and the words of each limit."""
    for name, limit in (*target.at_most.items(), *target.at_least.items()):
        yield name, _limit(name, limit)
    for against in target.against:
        yield against.figure, _part(against)


def _limit(name: str, limit: float) -> str:
    return f"{'at most' if FIGURES[name].better == 'less' else 'at least'} {size_text(limit)}"


def _part(against: Against) -> str:
    return f"at most {against.at_most:.3g} times {against.system}"
