"""Costs load by load, and over each size that was measured at several of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.harness.report.costs import GROWTHS, growth_sections, load_by_load
from bench.harness.report.document import Dots, Exhibit, Plot, Section, Valued
from bench.harness.report.tables import NOTHING, Measured
from bench.harness.results import Row
from tests.support.bench_results import row, sample


def measured(rows: Sequence[Row]) -> tuple[list[Measured], dict[str, int]]:
    found = [Measured.of(each) for each in rows]
    return found, {system: number for number, system in enumerate(dict.fromkeys(each.system for each in found))}


def grown(*rows: Row) -> list[Section]:
    return list(growth_sections(*measured(rows)))


def overview(*rows: Row) -> list[Exhibit]:
    return list(load_by_load(*measured(rows)))


def nested(system: str, depth: int, cost_us: float = 50.0) -> Row:
    return row("nesting", system, [sample(server_us=cost_us, database_us=0)], parameters={"depth": depth})


@pytest.mark.parametrize("growth", GROWTHS, ids=lambda growth: growth.parameter)
def test_each_size_that_varies_has_a_section(growth: object) -> None:
    name = growth.parameter  # type: ignore[attr-defined]
    (section,) = grown(row(parameters={name: 1}), row(parameters={name: 100}))
    assert section.title == growth.title  # type: ignore[attr-defined]
    assert len(section.exhibits) == len(growth.figures)  # type: ignore[attr-defined]


def test_a_size_that_does_not_vary_has_none() -> None:
    assert grown(row(parameters={"depth": 5}), row("never-seen", parameters={"depth": 9})) == []
    assert grown(row(parameters={"popularity": "zipf"}), row(parameters={"popularity": "uniform"})) == []


def test_lines_go_by_size_whatever_the_order_of_the_rows() -> None:
    (section,) = grown(nested("ringward", 30, 90), nested("ringward", 1, 40), nested("openfga", 1, 400))
    (plot,) = section.exhibits[0].pictures
    assert isinstance(plot, Plot)
    points = {line.name: [(point.x, round(point.y)) for point in line.points] for line in plot.lines}
    assert points == {"ringward": [(1, 40), (30, 90)], "openfga": [(1, 400)]}


def test_the_table_has_a_row_for_each_size_a_column_for_each_system_and_gaps_where_nothing_was_measured() -> None:
    (section,) = grown(nested("ringward", 1, 40), nested("ringward", 30, 90), nested("openfga", 1, 400))
    table = section.exhibits[0].table
    assert [column.title for column in table.columns] == ["levels of nesting", "ringward", "openfga"]
    assert table.rows == (("1", "40", "400"), ("30", "90", NOTHING))


def test_what_differs_in_more_than_the_size_is_not_in_one_plot() -> None:
    (section,) = grown(
        *(row(parameters={"tuples": size, "popularity": how}) for size in (1, 2) for how in ("zipf", "uniform")),
        row(parameters={"tuples": 3, "popularity": "zipf"}, loop="open", rate_per_s=5.0),
    )
    captions = [exhibit.table.caption for exhibit in section.exhibits]
    assert len(captions) == len(set(captions)) == 4  # two figures of each popularity, none of the open loop


def test_a_wide_range_is_drawn_logarithmic_and_a_narrow_one_from_zero() -> None:
    (narrow,) = grown(nested("ringward", 1, 40), nested("ringward", 2, 90))
    (wide,) = grown(nested("ringward", 1, 40), nested("openfga", 2, 9_000))
    scales = [
        plot.y.scale for section in (narrow, wide) for plot in section.exhibits[0].pictures if isinstance(plot, Plot)
    ]
    assert scales == ["linear", "log"]


def test_over_nodes_the_sizes_of_a_cluster_are_one_line() -> None:
    (section,) = grown(*(row("cached", "ringward-cluster", parameters={"nodes": nodes}) for nodes in (1, 2, 3)))
    (plot,) = section.exhibits[0].pictures
    assert isinstance(plot, Plot)
    assert [line.name for line in plot.lines] == ["ringward-cluster"]
    assert [point.x for point in plot.lines[0].points] == [1, 2, 3]


def test_several_samples_are_told_with_their_spread() -> None:
    samples = [sample(server_us=cost, database_us=0) for cost in (40, 50, 70)]
    rows = [row("nesting", samples=samples, parameters={"depth": depth}) for depth in (1, 2)]
    (section,) = grown(*rows)
    assert section.exhibits[0].table.rows[0][1] == Valued("50", "40 to 70")
    (plot,) = section.exhibits[0].pictures
    assert isinstance(plot, Plot)
    point = plot.lines[0].points[0]
    assert (point.least, point.y, point.most) == pytest.approx((40, 50, 70))


def test_loads_are_shown_together_by_throughput_and_cost_and_sorted_by_load() -> None:
    rows = [row(load, system) for system in ("ringward", "openfga") for load in ("cached", "never-seen")]
    (exhibit,) = overview(*rows)
    throughput, cost = exhibit.pictures
    assert isinstance(throughput, Dots)
    assert isinstance(cost, Dots)
    assert throughput.labels == cost.labels == ("cached", "never-seen")
    assert [line.name for line in cost.lines] == ["ringward", "openfga"]
    assert [point.x for point in cost.lines[1].points] == [0, 1]
    assert [cells[:2] for cells in exhibit.table.rows] == [
        ("cached", "ringward"),
        ("cached", "openfga"),
        ("never-seen", "ringward"),
        ("never-seen", "openfga"),
    ]


def test_what_has_a_plot_of_its_own_is_not_shown_load_by_load_and_sizes_of_the_data_are() -> None:
    rows = [nested("ringward", 1), nested("ringward", 2), *(row(parameters={"tuples": size}) for size in (1, 2))]
    (exhibit,) = overview(*rows)
    assert [cells[0] for cells in exhibit.table.rows] == ["cached (tuples 1)", "cached (tuples 2)"]


def test_a_load_says_what_made_it() -> None:
    (exhibit,) = overview(row("cached-peak", generator="h2load nghttp2/1.52.0"))
    assert exhibit.table.rows[0][2] == "h2load nghttp2/1.52.0"


def test_without_closed_loops_there_is_no_overview() -> None:
    assert overview(row(loop="open", rate_per_s=9.0)) == []
