"""Latency by percentile, a line for each system, as HDR plots show it: each further nine takes as much room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from bench.harness.figures import Spread
from bench.harness.histogram import Latency
from bench.harness.report.document import Axis, Exhibit, Line, Plot, Point
from bench.harness.report.tables import Measured, rows_table

_PERCENTILES = (
    *(25, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96.5, 97.5, 98.5, 99, 99.25, 99.5, 99.65, 99.75, 99.85),
    *(99.9, 99.925, 99.95, 99.965, 99.975, 99.985, 99.99, 99.9925, 99.995, 99.9975, 99.999),
)
_FIGURES = ("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms", "per_s", "cpu_us")


def latency_curves(rows: Sequence[Measured], numbers: Mapping[str, int]) -> Iterator[Exhibit]:
    """One for each load that came at a rate, in the order of the rows. numbers: of the systems, by name."""
    open_loops = [each for each in rows if each.row.loop == "open" and each.figures]
    for load in dict.fromkeys(each.load for each in open_loops):
        alike = [each for each in open_loops if each.load == load]
        lines = tuple(Line(each.system, numbers[each.system], tuple(_points(each))) for each in alike)
        x, y = Axis("percentile of the requests", "percentile"), Axis("latency, ms", "log")
        table = rows_table(
            f"{load}: latency by percentile", alike, naming={"system": lambda each: each.system}, figures=_FIGURES
        )
        yield Exhibit((Plot("latency by percentile", x, y, lines, marked=False),), table)


def _points(measured: Measured) -> Iterator[Point]:
    """As far as at least one request of the smallest sample lies beyond."""
    samples = [Latency.decoded(sample.latency) for sample in measured.row.samples if sample.completed]
    fewest = min(sample.count for sample in samples)
    for percentile in takewhile(lambda each: round(fewest * (100 - each) / 100, 6) >= 1, _PERCENTILES):
        spread = Spread(tuple(sample.percentile_ms(percentile) for sample in samples))
        yield Point(percentile, spread.median, spread.least, spread.most)
