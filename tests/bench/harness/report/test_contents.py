"""What a report says: every section that has something to say, in order, and what must be known before believing it."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness.report.contents import document
from bench.harness.report.document import Document, Mark, Marked, Section
from bench.harness.results import BenchRun, Row
from bench.harness.targets import MeasureTarget, Target, Targets
from tests.support.bench_results import bench_run, row, sample

TARGETS = Targets(
    (Target("cached", "ringward", "because", at_most={"cpu_us": 80.0}),),
    (MeasureTarget("ringward: start to ready, s", 1.5, "because"),),
)
EVERYTHING: Sequence[Row] = (
    row(),
    row("mixed", parameters={"writes": 0}, loop="open", rate_per_s=1_000.0),
    row("nesting", parameters={"depth": 1}),
    row("nesting", parameters={"depth": 9}),
    row("wide-group", parameters={"members": 10}),
    row("wide-group", parameters={"members": 100}),
)
MEASURES = {"ringward: start to ready, s": 1.2}


def section(found: Document, title: str) -> Section:
    (only,) = [each for each in found.sections if each.title == title]
    return only


def titles(run: BenchRun, targets: Targets = TARGETS) -> Sequence[str]:
    return [each.title for each in document(run, targets).sections]


def test_sections_come_in_order_and_everything_measured_last() -> None:
    assert titles(bench_run(*EVERYTHING, measures=MEASURES)) == [
        "Targets",
        "Systems",
        "Latency at a rate",
        "Throughput and cost",
        "Cost by depth",
        "Cost by width: members of a group",
        "Starting and idling",
        "How to read this",
        "Everything measured",
    ]


def test_what_was_not_measured_has_no_section() -> None:
    assert titles(bench_run(row())) == [
        "Targets",
        "Systems",
        "Throughput and cost",
        "How to read this",
        "Everything measured",
    ]
    assert titles(bench_run(), Targets()) == ["Systems", "How to read this"]


def test_everything_measured_holds_every_row_with_every_figure_and_is_folded() -> None:
    found = section(document(bench_run(*EVERYTHING), TARGETS), "Everything measured")
    table = found.exhibits[0].table
    assert found.folded
    assert len(table.rows) == len(EVERYTHING)
    assert [column.title for column in table.columns][-3:] == [
        "memory of server, MB",
        "memory of database, MB",
        "failed or dropped",
    ]


def test_targets_say_how_they_stand_and_where_they_come_from() -> None:
    found = document(bench_run(row(), measures={"ringward: start to ready, s": 1.7}), TARGETS)
    cells = section(found, "Targets").exhibits[0].table.rows
    assert [row[4] for row in cells] == [Marked("met", Mark.GOOD), Marked("missed", Mark.BAD)]
    assert {row[5] for row in cells} == {"because"}
    assert ("limits", "1 met, 1 missed") in found.facts


def test_a_run_that_was_stopped_says_so_first() -> None:
    warnings = document(bench_run(row(samples=[sample(dropped=100)]), complete=False), TARGETS).warnings
    assert "stopped before its end" in warnings[0]


def test_faults_are_told_by_kind() -> None:
    faulty = [sample(errors={"UNAVAILABLE": 30, "WRONG": 5}), sample(errors={"UNAVAILABLE": 10}, dropped=7)]
    (warning,) = document(bench_run(row(samples=faulty)), TARGETS).warnings
    assert "cached on ringward" in warning
    assert "(40 UNAVAILABLE, 5 WRONG, 7 dropped)" in warning


def test_a_generator_that_was_late_is_told_where_it_spoils_latencies() -> None:
    late = [sample(p50_ms=2, late_ms=1.5)]
    (warning,) = document(bench_run(row(samples=late, loop="open", rate_per_s=9.0)), TARGETS).warnings
    assert "requests left the generator up to 1.5 ms late" in warning
    assert document(bench_run(row(samples=late)), TARGETS).warnings == ()  # a closed loop has no intended start
    in_time = [sample(p50_ms=2, late_ms=0.2)]
    assert document(bench_run(row(samples=in_time, loop="open", rate_per_s=9.0)), TARGETS).warnings == ()


def test_a_row_without_a_single_answer_is_told_and_spoils_no_section() -> None:
    dead = row(samples=[sample(completed=0, errors={"UNAVAILABLE": 10})], loop="open", rate_per_s=9.0)
    found = document(bench_run(dead), Targets())
    assert "100.00% of the requests failed" in found.warnings[0]
    assert [each.title for each in found.sections] == ["Systems", "How to read this", "Everything measured"]


def test_it_says_that_the_generator_in_python_may_be_the_limit() -> None:
    (text,) = section(document(bench_run(row()), TARGETS), "Throughput and cost").text
    assert "the generator may be what limits the rate" in text
