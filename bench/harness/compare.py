"""Two runs side by side: which figures changed beyond noise, as Markdown.

A figure counts as changed when two things hold. Its samples differ by more than chance: the exact rank-sum test gives
at most ``CHANCE``, which of three samples a side says that every one of the later run lies beyond all of the earlier.
And its median moved by at least ``LEAST_CHANGE_RATIO``: whole runs on one machine differ by about that, from causes
that all samples of a run share and no test within it can see. Fewer than three samples a side tell nothing. What one
test lets pass by chance adds up over many figures, so the report says how many that could be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bench.harness.figures import FAULTS_ALLOWED_RATIO, FIGURES, Figure, Spread, faults_ratio, load_name, spreads
from bench.harness.noise import chance
from bench.harness.report.document import Cell, Column, Document, Exhibit, Mark, Marked, Section, Table, Valued
from bench.harness.report.markdown import markdown
from bench.harness.results import BenchRun, Row

CHANCE = 0.1
LEAST_CHANGE_RATIO = 0.1
LEAST_SAMPLES = 3

_Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    """One figure of one row in both runs."""

    load: str
    system: str
    figure: Figure
    before: Spread
    after: Spread

    @property
    def tells(self) -> bool:
        """Whether there are samples enough to tell a change from noise."""
        return min(len(self.before.values), len(self.after.values)) >= LEAST_SAMPLES

    @property
    def change_ratio(self) -> float:
        """How much the median moved, as a part of what it was."""
        return _ratio(self.before.median, self.after.median)

    @property
    def is_change(self) -> bool:
        """True if it moved beyond noise."""
        moved = self.tells and abs(self.change_ratio) >= LEAST_CHANGE_RATIO
        return moved and chance(self.before.values, self.after.values) <= CHANCE


def compared(before: BenchRun, after: BenchRun) -> str:
    """What changed from one run to the other."""
    earlier, later = ({_key(row): row for row in run.rows} for run in (before, after))
    pairs = [pair for key, row in earlier.items() if key in later for pair in _pairs(row, later[key])]
    facts = tuple((f"{which}: {name}", value) for which, run in _named(before, after) for name, value in _facts(run))
    sections = (
        _changes(pairs),
        *_alone("Measured before alone", [row for key, row in earlier.items() if key not in later]),
        *_alone("Measured after alone", [row for key, row in later.items() if key not in earlier]),
        *_measures(before.measures, after.measures),
    )
    return markdown(Document("What changed", facts, tuple(_warnings(before, after)), sections))


def _named(before: BenchRun, after: BenchRun) -> Sequence[tuple[str, BenchRun]]:
    return (("before", before), ("after", after))


def _key(row: Row) -> _Key:
    """What makes rows of two runs the same measurement."""
    load = (row.workload, frozenset(row.parameters.items()), row.loop, row.rate_per_s, row.callers, row.items)
    return (row.system, *load)


def _pairs(before: Row, after: Row) -> Iterator[_Pair]:
    load = load_name(after.workload, after.parameters, after.rate_per_s)
    earlier, later = spreads(before), spreads(after)
    for name, figure in FIGURES.items():
        if name in earlier and name in later:
            yield _Pair(load, after.system, figure, earlier[name], later[name])


def _facts(run: BenchRun) -> Iterator[tuple[str, str]]:
    yield "machine", run.machine
    yield "began", run.began
    yield "command", run.command


def _warnings(before: BenchRun, after: BenchRun) -> Iterator[str]:
    """What makes the runs unequal besides what was to be compared."""
    if _hardware(before) != _hardware(after):
        yield "The runs were made on different machines: what changed may be the machine."
    for which, run in _named(before, after):
        if not run.complete:
            yield f"The run {which} was stopped before its end."
        for row in run.rows:
            if (ratio := faults_ratio(row)) > FAULTS_ALLOWED_RATIO:
                load = load_name(row.workload, row.parameters, row.rate_per_s)
                yield f"{which}: {load} on {row.system}: {ratio:.2%} of the requests failed or were dropped."
    generators = {row.generator for row in before.rows} ^ {row.generator for row in after.rows}
    if generators and before.rows and after.rows:
        yield f"Not in both runs the load was made by: {', '.join(sorted(generators))}."
    versions = {system.name: system.version for system in before.systems}
    for system in after.systems:
        if (earlier := versions.get(system.name, system.version)) != system.version:
            yield f"{system.name} was {earlier} and is {system.version}."


def _hardware(run: BenchRun) -> str:
    """The machine without the commit, which comes first."""
    return run.machine.partition(", ")[2]


def _changes(pairs: Sequence[_Pair]) -> Section:
    told = [pair for pair in pairs if pair.tells]
    changed = [pair for pair in told if pair.is_change]
    text = (
        f"{len(changed)} of {len(told)} figures changed by at least {LEAST_CHANGE_RATIO:.0%} and beyond the noise of "
        f"their samples (rank-sum test, at most {CHANCE:.0%}). Had nothing changed, up to {CHANCE * len(told):.0f} of "
        "them could pass that test by chance: believe what goes together, and run again what stands alone."
    )
    silent = f"{len(pairs) - len(told)} figures have fewer than {LEAST_SAMPLES} samples in a run, and tell nothing."
    columns = (
        *map(Column, ("load", "system", "figure")),
        *(Column(title, number=True) for title in ("before", "after", "change", "by chance")),
        Column("is"),
    )
    table = Table("", columns, tuple(map(_cells, changed)))
    exhibits = (Exhibit((), table),) if changed else ()
    return Section("Changes", (text, silent) if len(told) < len(pairs) else (text,), exhibits)


def _cells(pair: _Pair) -> tuple[Cell, ...]:
    worse = (pair.change_ratio > 0) is (pair.figure.better == "less")
    probability = chance(pair.before.values, pair.after.values)
    return (
        *(pair.load, pair.system, pair.figure.title),
        *(_spread(pair.figure, spread) for spread in (pair.before, pair.after)),
        *(f"{pair.change_ratio:+.0%}", f"{probability:.2g}"),
        Marked("worse", Mark.BAD) if worse else Marked("better", Mark.GOOD),
    )


def _spread(figure: Figure, spread: Spread) -> Valued:
    return Valued(figure.text(spread.median), f"{figure.text(spread.least)} to {figure.text(spread.most)}")


def _alone(title: str, rows: Sequence[Row]) -> Iterator[Section]:
    """Rows the other run does not have, if there are any."""
    if rows:
        cells = tuple((load_name(row.workload, row.parameters, row.rate_per_s), row.system) for row in rows)
        yield Section(title, exhibits=(Exhibit((), Table("", (Column("load"), Column("system")), cells)),))


def _measures(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[Section]:
    """Those of both runs, if there are any."""
    if both := [name for name in before if name in after]:
        columns = (Column("what"), *(Column(title, number=True) for title in ("before", "after", "change")))
        cells = (
            (name, f"{before[name]:.4g}", f"{after[name]:.4g}", f"{_ratio(before[name], after[name]):+.0%}")
            for name in both
        )
        text = "Each was measured once in a run, so nothing tells a change from noise."
        yield Section("Starting and idling", (text,), (Exhibit((), Table("", columns, tuple(cells))),))


def _ratio(before: float, after: float) -> float:
    """How much a value moved, as a part of what it was; from 0, without end."""
    if not before:
        return math.inf if after else 0.0
    return after / before - 1
