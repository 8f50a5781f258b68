"""A report as values, told once and shown as Markdown and as a page: sections of text, tables and plots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

Scale = Literal["linear", "log", "percentile"]
"""percentile: percents, stretched so that each further nine takes as much room as the one before, as HDR plots do."""


class Mark(Enum):
    """What a cell says besides its text."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Marked:
    """A cell that stands out. The text says it all: the mark only makes it easier to find."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Valued:
    """A cell with a figure and its spread, which is less important."""

    text: str
    spread: str


Cell: TypeAlias = str | Marked | Valued


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. number: its cells are figures, to be aligned at the right."""

    title: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many cells as there are columns; the first cell names the row. caption: empty where the section's
    title says it.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a plot."""

    title: str
    scale: Scale = "linear"


@dataclass(frozen=True, slots=True)
class Point:
    """A measured value, with the least and the most its samples gave."""

    x: float
    y: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Line:
    """Points of one system, by rising x. number: of the system in the run, from 0; it always has the same colour."""

    name: str
    number: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over two axes. marked: whether the points stand for measurements each, or only trace a curve."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    marked: bool = True


@dataclass(frozen=True, slots=True)
class Dots:
    """A row of dots for each label, one for each system that has a value: x of a point is the number of its label."""

    title: str
    axis: Axis
    labels: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Pictures, and the table that holds the same figures for those who do not see them or want them exactly."""

    pictures: tuple[Plot | Dots, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, some sentences, and what is to be shown. folded: a page shows it when asked."""

    title: str
    text: tuple[str, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. facts: names and values, in order. warnings: what a reader must know before believing it."""

    title: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
