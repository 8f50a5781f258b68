"""The tables a report is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bench.harness.figures import FAULTS_ALLOWED_RATIO, FIGURES, Spread, faults_ratio, load_name, spreads
from bench.harness.judgements import Judgement, Standing
from bench.harness.report.document import Cell, Column, Mark, Marked, Table, Valued
from bench.harness.results import Row, System

NOTHING = "\N{EN DASH}"
"""What stands where there is no figure."""

_MARKS = {
    Standing.MET: Mark.GOOD,
    Standing.MISSED: Mark.BAD,
    Standing.NOT_MEASURED: Mark.BAD,
    Standing.NOT_COMPARED: Mark.OPEN,
}


Naming: TypeAlias = "Callable[[Measured], str]"
"""What a column says of a row besides its figures."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A row with what its samples say, worked out once."""

    row: Row
    figures: Mapping[str, Spread]

    @classmethod
    def of(cls, row: Row) -> Measured:
        """The row's figures."""
        return cls(row, spreads(row))

    @property
    def system(self) -> str:
        """Its name; of a cluster, with its size."""
        nodes = self.row.parameters.get("nodes")
        return self.row.system if nodes is None else f"{self.row.system}, {nodes} node{'' if nodes == 1 else 's'}"

    @property
    def load(self) -> str:
        """The workload with its sizes and rate: equal for all systems that were asked the same."""
        return self.load_but()

    def load_but(self, parameter: str = "nodes") -> str:
        """The load, but for one of its sizes."""
        beside = (parameter, "nodes")
        sizes = {name: value for name, value in self.row.parameters.items() if name not in beside}
        return load_name(self.row.workload, sizes, self.row.rate_per_s)


def targets_table(judgements: Iterable[Judgement]) -> Table:
    """How each limit stands."""
    columns = tuple(map(Column, ("what", "figure", "wanted", "measured", "standing", "where the target comes from")))
    rows = (
        (each.what, each.figure, each.limit, each.measured or NOTHING, _standing(each), each.source)
        for each in judgements
    )
    return Table("", columns, tuple(rows))


def systems_table(systems: Iterable[System]) -> Table:
    """What was measured."""
    columns = (Column("system"), Column("version"), Column("what to know"))
    return Table("", columns, tuple((each.name, each.version, each.note) for each in systems))


def measures_table(measures: Mapping[str, float]) -> Table:
    """Figures that are no load."""
    columns = (Column("what"), Column("figure", number=True))
    return Table("", columns, tuple((name, f"{value:.4g}") for name, value in measures.items()))


def rows_table(
    caption: str, rows: Sequence[Measured], *, naming: Mapping[str, Naming], figures: Iterable[str]
) -> Table:
    """Rows with some of their figures, and what failed. naming: what tells the rows apart, each under its heading.

    A figure no row has is left out.
    """
    shown = [name for name in figures if any(name in each.figures for each in rows)]
    columns = (
        *map(Column, naming),
        *(Column(FIGURES[name].title, number=True) for name in shown),
        Column("failed or dropped", number=True),
    )
    cells = (
        (*(name(each) for name in naming.values()), *(figure_cell(each, figure) for figure in shown), _faults(each.row))
        for each in rows
    )
    return Table(caption, columns, tuple(cells))


def figure_cell(measured: Measured, name: str) -> Cell:
    """The median, with least and most if there are several samples."""
    if (spread := measured.figures.get(name)) is None:
        return NOTHING
    text = FIGURES[name].text
    if len(spread.values) == 1:
        return text(spread.median)
    return Valued(text(spread.median), f"{text(spread.least)} to {text(spread.most)}")


def _faults(row: Row) -> Cell:
    ratio = faults_ratio(row)
    text = f"{ratio:.2%}" if ratio else "none"
    return Marked(text, Mark.BAD) if ratio > FAULTS_ALLOWED_RATIO else text


def _standing(judgement: Judgement) -> Marked:
    note = f": {judgement.note}" if judgement.note else ""
    return Marked(judgement.standing.value + note, _MARKS[judgement.standing])
