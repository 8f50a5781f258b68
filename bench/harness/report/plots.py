"""Plots as SVG to stand in a page: drawn by matplotlib, coloured by the page.

Matplotlib writes colours into the drawing, and a page has two sets of them, light and dark. So each colour here is a
placeholder, which is replaced by a variable of the page's style sheet in the finished SVG. Text stays text, in the
page's font. Systems differ by marker and dashes as well as by colour.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from html import escape
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis as Scale
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from matplotlib.typing import RcKeyType

from bench.harness.figures import size_text
from bench.harness.report.document import Axis, Dots, Line, Plot, Point

COLOURS = 8
"""How many systems have a colour of their own, ``--system-0`` and so on; further ones begin again."""

_INK, _FAINT = "#010100", "#010101"
_MARKERS = "os^DvPX*"
_DASHES = ("-", (0, (6, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ringward",
    "font.size": 10,
    "text.color": _INK,
    "text.parse_math": False,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
}
_NINES = (50, 90, 99, 99.9, 99.99, 99.999)
_WIDTH = 7.0  # inches, which only matter beside the size of the font: the page scales the drawing
_DOT_HEIGHT = 0.09  # inches
_MANY = 300  # an axis that spans more has room for the powers of ten alone
_SVG = "http://www.w3.org/2000/svg"


def drawn(picture: Plot | Dots, name: str, label: str) -> str:
    """The picture as an ``svg`` element, the same for the same values.

    name: tells its ids from others' on the page. label: what is said to those who do not see it.
    """
    with rc_context(_STYLE):
        columns = max(1, int(_WIDTH * 72 / (60 + 6 * max(len(line.name) for line in picture.lines))))
        legend = 0.2 * math.ceil(len(picture.lines) / columns)
        height = 2.8 if isinstance(picture, Plot) else 0.8 + len(picture.labels) * _row_height(picture)
        figure = Figure(figsize=(_WIDTH, height + legend), layout="constrained")
        axes = figure.add_subplot()
        if isinstance(picture, Plot):
            _plot(axes, picture)
        else:
            _dots(axes, picture)
        figure.legend(loc="outside upper left", ncols=columns)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return _for_page(svg.getvalue(), name, label)


def _plot(axes: Axes, plot: Plot) -> None:
    for line in plot.lines:
        colour, xs = _colour(line), [_place(point.x, plot.x) for point in line.points]
        marker = _MARKERS[line.number % len(_MARKERS)] if plot.marked else ""
        least, most = [point.least for point in line.points], [point.most for point in line.points]
        axes.fill_between(xs, least, most, color=colour, alpha=0.16, linewidth=0)
        ys = [point.y for point in line.points]
        axes.plot(xs, ys, color=colour, marker=marker, linestyle=_dashes(line), label=line.name)
        if plot.marked:
            axes.errorbar(xs, ys, _whiskers(line.points), color=colour, linestyle="none", capsize=3)
    axes.set_xscale("log" if plot.x.scale == "log" else "linear")
    axes.set_yscale("log" if plot.y.scale == "log" else "linear")
    _axis(axes.xaxis, plot.x)
    _axis(axes.yaxis, plot.y)
    if plot.x.scale == "percentile":
        last = max(_place(point.x, plot.x) for line in plot.lines for point in line.points)
        _ticks(axes.xaxis, {_place(nines, plot.x): f"{nines} %" for nines in _NINES if _place(nines, plot.x) <= last})
    else:
        _ticks(axes.xaxis, {point.x: size_text(point.x) for line in plot.lines for point in line.points})
    if plot.y.scale == "linear":
        axes.set_ylim(bottom=0)


def _dots(axes: Axes, dots: Dots) -> None:
    for number, line in enumerate(dots.lines):
        # Beside each other on the row of their label, so that equal ones do not hide each other.
        apart = (number - (len(dots.lines) - 1) / 2) * _DOT_HEIGHT / _row_height(dots)
        ys = [point.x + apart for point in line.points]
        axes.errorbar(
            [point.y for point in line.points],
            ys,
            xerr=_whiskers(line.points),
            color=_colour(line),
            marker=_MARKERS[line.number % len(_MARKERS)],
            linestyle="none",
            capsize=2,
            label=line.name,
        )
    axes.set_xscale("log" if dots.axis.scale == "log" else "linear")
    _axis(axes.xaxis, dots.axis)
    _ticks(axes.yaxis, dict(enumerate(dots.labels)))
    axes.grid(visible=False, axis="y")
    for number in range(1, len(dots.labels)):
        axes.axhline(number - 0.5, color=_FAINT, linewidth=0.5)
    axes.set_ylim(len(dots.labels) - 0.5, -0.5)


def _row_height(dots: Dots) -> float:
    return 0.14 + len(dots.lines) * _DOT_HEIGHT


def _axis(scale: Scale, axis: Axis) -> None:
    scale.set_label_text(axis.title)
    if axis.scale == "log":
        least, most = scale.get_view_interval()
        scale.set_major_locator(LogLocator(subs=(1,) if most / least > _MANY else (1, 2, 5)))
        scale.set_minor_locator(NullLocator())
    scale.set_major_formatter(FuncFormatter(lambda value, _: size_text(value)))


def _ticks(scale: Scale, texts: dict[float, str]) -> None:
    scale.set_major_locator(FixedLocator(list(texts)))
    scale.set_minor_locator(NullLocator())
    scale.set_major_formatter(FuncFormatter(lambda value, _: texts[value]))


def _place(value: float, axis: Axis) -> float:
    """Where a value stands on an axis. Percents: how many nines; 100 has no place."""
    return -math.log10(1 - value / 100) if axis.scale == "percentile" else value


def _whiskers(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    """How far the least and the most lie from the value."""
    return [point.y - point.least for point in points], [point.most - point.y for point in points]


def _colour(line: Line) -> str:
    return f"#0102{line.number % COLOURS:02x}"


def _dashes(line: Line) -> object:
    return _DASHES[line.number % len(_DASHES)]


def _for_page(svg: str, name: str, label: str) -> str:
    """The drawing alone, with the page's colours, ids of its own and its label."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(svg)  # noqa: S314 - matplotlib's own output
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in {"metadata", "style"}:  # a style would hold for the whole page
                parent.remove(child)
    for size in ("width", "height"):
        del root.attrib[size]
    root.attrib |= {"class": "plot", "role": "img", "aria-label": label}
    text = ElementTree.tostring(root, encoding="unicode")
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{escape(name)}-", text)
    text = re.sub(r"#0102(0\d)", lambda found: f"var(--system-{int(found[1])})", text)
    return text.replace(_INK, "var(--ink)").replace(_FAINT, "var(--faint)")
