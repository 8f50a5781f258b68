"""What a request costs: load by load, and how that grows with depth, width, tuples, and over nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.harness.figures import FIGURES, size_text
from bench.harness.report.document import Axis, Column, Dots, Exhibit, Line, Plot, Point, Scale, Section, Table
from bench.harness.report.tables import NOTHING, Measured, Naming, figure_cell, rows_table

_FIGURES = ("per_s", "cpu_us", "server_cpu_us", "database_cpu_us", "server_mb", "p50_ms", "p99_ms")
_WIDE_RATIO = 10


@dataclass(frozen=True, slots=True)
class Growth:
    """A size that costs may grow with. figures: what is plotted over it. shape: it makes a workload what it is, so that
    rows that differ in it alone need not be shown load by load as well.
    """

    parameter: str
    title: str
    axis: Axis
    figures: tuple[str, ...] = ("cpu_us", "p50_ms")
    shape: bool = True


GROWTHS = (
    Growth("depth", "Cost by depth", Axis("levels of nesting")),
    Growth("members", "Cost by width: members of a group", Axis("members", "log")),
    Growth("width", "Cost by width: fan-out", Axis("groups that share a document", "log")),
    Growth("context", "Cost by contextual tuples", Axis("tuples a request brings", "log")),
    Growth("batch", "Cost by size of the batch", Axis("things in one request", "log")),
    Growth("writes", "Cost with writes beside", Axis("writes, as a share of all requests"), shape=False),
    Growth("tuples", "Cost by tuples stored", Axis("tuples stored", "log"), shape=False),
    Growth("nodes", "Scaling over nodes", Axis("nodes"), figures=("per_s", "cpu_us", "p99_ms"), shape=False),
)
"""In the order of the report."""


def load_by_load(rows: Sequence[Measured], numbers: Mapping[str, int]) -> Iterator[Exhibit]:
    """Throughput and CPU of each closed loop, but for those told by a growth of their own. numbers: of the systems."""
    families = [family for growth in GROWTHS if growth.shape for family in _families(growth, rows).values()]
    told = {id(each) for family in families for each in family}
    found = [each for each in rows if each.row.loop == "closed" and each.figures and id(each) not in told]
    labels = tuple(dict.fromkeys(each.load for each in found))
    places = {label: number for number, label in enumerate(labels)}
    shown = sorted(found, key=lambda each: places[each.load])
    pictures = []
    for name in ("per_s", "cpu_us"):
        lines = _lines(shown, name, numbers, x=lambda each: places[each.load], system=_system)
        if lines:
            pictures.append(Dots(FIGURES[name].title, _value_axis(name, lines, scale="log"), labels, lines))
    if labels:
        naming: dict[str, Naming] = {"load": lambda each: each.load, "system": _system}
        naming["load made by"] = lambda each: each.row.generator
        yield Exhibit(tuple(pictures), rows_table("", shown, naming=naming, figures=_FIGURES))


def growth_sections(rows: Sequence[Measured], numbers: Mapping[str, int]) -> Iterator[Section]:
    """One for each size that something was measured at several of. numbers: of the systems."""
    for growth in GROWTHS:
        exhibits = (
            _grown(growth, name, load, family, numbers)
            for load, family in _families(growth, rows).items()
            for name in growth.figures
            if any(name in each.figures for each in family)
        )
        if shown := tuple(exhibits):
            yield Section(growth.title, exhibits=shown)


def _families(growth: Growth, rows: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Rows that differ in the one size and the system alone, by the rest of their load; only of several sizes."""
    families: dict[str, list[Measured]] = {}
    for each in rows:
        if each.figures and isinstance(each.row.parameters.get(growth.parameter), int | float):
            families.setdefault(f"{each.load_but(growth.parameter)}, {each.row.loop} loop", []).append(each)
    return {load: family for load, family in families.items() if len({_size(growth, each) for each in family}) > 1}


def _grown(growth: Growth, name: str, load: str, family: Sequence[Measured], numbers: Mapping[str, int]) -> Exhibit:
    """One figure over the size, in a table with a row for each size and a column for each system."""
    # Over nodes the sizes of a cluster are points of one line, else systems beside each other.
    system: Naming = (lambda each: each.row.system) if growth.parameter == "nodes" else _system
    ordered = sorted(family, key=lambda each: _size(growth, each))
    lines = _lines(ordered, name, numbers, x=lambda each: _size(growth, each), system=system)
    found = {(_size(growth, each), system(each)): figure_cell(each, name) for each in ordered}
    cells = (
        (size_text(size), *(found.get((size, line.name), NOTHING) for line in lines))
        for size in dict.fromkeys(_size(growth, each) for each in ordered)
    )
    columns = (Column(growth.axis.title), *(Column(line.name, number=True) for line in lines))
    title = FIGURES[name].title
    picture = Plot(title, growth.axis, _value_axis(name, lines), lines)
    return Exhibit((picture,), Table(f"{load}: {title}", columns, tuple(cells)))


def _lines(
    rows: Sequence[Measured],
    figure: str,
    numbers: Mapping[str, int],
    *,
    x: Callable[[Measured], float],
    system: Naming,
) -> tuple[Line, ...]:
    """A line for each system that has the figure, with its rows as points in the order given."""
    points: dict[str, list[Point]] = {}
    colours: dict[str, int] = {}
    for each in rows:
        if spread := each.figures.get(figure):
            points.setdefault(system(each), []).append(Point(x(each), spread.median, spread.least, spread.most))
            colours.setdefault(system(each), numbers[each.system])
    return tuple(Line(name, colours[name], tuple(found)) for name, found in points.items())


def _value_axis(figure: str, lines: Sequence[Line], scale: Scale | None = None) -> Axis:
    """Unless told, logarithmic where a linear one would press the smaller system flat against zero."""
    values = [point.y for line in lines for point in line.points]
    wide = min(values) > 0 and max(values) / min(values) > _WIDE_RATIO
    return Axis(f"{FIGURES[figure].unit} ({FIGURES[figure].better} is better)", scale or ("log" if wide else "linear"))


def _size(growth: Growth, measured: Measured) -> float:
    return float(measured.row.parameters[growth.parameter])


def _system(measured: Measured) -> str:
    return measured.system
