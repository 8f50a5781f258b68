"""Latency curves: a line for each system under the same load, as far as the requests reach."""

from __future__ import annotations

import pytest

from bench.harness.report.curves import latency_curves
from bench.harness.report.document import Exhibit, Plot
from bench.harness.report.tables import Measured
from bench.harness.results import Row, Sample
from tests.support.bench_results import row, sample


def at_rate(system: str, *samples: Sample, rate_per_s: float = 1_000.0) -> Row:
    return row("mixed", system, samples or (sample(),), loop="open", rate_per_s=rate_per_s)


def curves(*rows: Row) -> list[tuple[Plot, Exhibit]]:
    measured = [Measured.of(each) for each in rows]
    numbers = {system: number for number, system in enumerate(dict.fromkeys(each.system for each in measured))}
    found = []
    for exhibit in latency_curves(measured, numbers):
        (plot,) = exhibit.pictures
        assert isinstance(plot, Plot)
        found.append((plot, exhibit))
    return found


def test_systems_under_the_same_load_share_a_plot_and_keep_their_numbers() -> None:
    (one, table), (other, _) = curves(
        at_rate("ringward"),
        at_rate("openfga"),
        at_rate("openfga", rate_per_s=50.0),
    )
    assert [(line.name, line.number) for line in one.lines] == [("ringward", 0), ("openfga", 1)]
    assert [(line.name, line.number) for line in other.lines] == [("openfga", 1)]
    assert [cells[0] for cells in table.table.rows] == ["ringward", "openfga"]


def test_closed_loops_have_no_curve() -> None:
    assert curves(row()) == []


def test_a_point_is_the_median_of_the_samples_between_least_and_most() -> None:
    ((plot, _),) = curves(at_rate("ringward", sample(p50_ms=1), sample(p50_ms=8), sample(p50_ms=2)))
    for point in plot.lines[0].points:
        assert (point.least, point.y, point.most) == pytest.approx((1, 2, 8), rel=0.002)


@pytest.mark.parametrize(("completed", "last"), [(50, 97.5), (100, 99), (999, 99.85), (1_000, 99.9), (100_000, 99.999)])
def test_a_curve_ends_where_no_request_lies_beyond(completed: int, last: float) -> None:
    ((plot, _),) = curves(at_rate("ringward", sample(completed=completed), sample(completed=200_000)))
    assert plot.lines[0].points[-1].x == last


def test_a_curve_rises() -> None:
    ((plot, _),) = curves(at_rate("ringward", *(sample(spread=0.8, completed=5_000, seed=n) for n in range(3))))
    latencies = [point.y for point in plot.lines[0].points]
    assert latencies == sorted(latencies)
    assert latencies[0] < latencies[-1] / 5


def test_sizes_of_a_cluster_stand_beside_each_other() -> None:
    rows = [
        row("mixed", "ringward-cluster", parameters={"nodes": nodes}, loop="open", rate_per_s=9.0) for nodes in (1, 3)
    ]
    ((plot, _),) = curves(*rows)
    assert [line.name for line in plot.lines] == ["ringward-cluster, 1 node", "ringward-cluster, 3 nodes"]
