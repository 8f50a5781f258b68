"""Runs held against targets: what is met, missed, not measured, not compared, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.harness.judgements import Judgement, Standing, judged, missed
from bench.harness.results import BenchRun
from bench.harness.targets import Against, MeasureTarget, Target, Targets
from tests.support.bench_results import bench_run, row, sample

CPU = Against("openfga", "cpu_us", 0.5)


def target(**limits: Any) -> Targets:
    return Targets((Target("cached", "ringward", "because", **limits),))


def standings(run: BenchRun, targets: Targets) -> list[Standing]:
    return [judgement.standing for judgement in judged(run, targets)]


def only(run: BenchRun, targets: Targets) -> Judgement:
    (judgement,) = judged(run, targets)
    return judgement


@pytest.mark.parametrize(
    ("limits", "standing"),
    [
        ({"at_most": {"cpu_us": 75.1}}, Standing.MET),
        ({"at_most": {"cpu_us": 74.9}}, Standing.MISSED),
        ({"at_least": {"per_s": 999.0}}, Standing.MET),
        ({"at_least": {"per_s": 1_001.0}}, Standing.MISSED),
        ({"at_most": {"p99_9_ms": 1.01}}, Standing.MET),
        ({"at_most": {"p99_9_ms": 0.99}}, Standing.MISSED),
    ],
)
def test_a_limit_is_met_or_missed(limits: Mapping[str, Any], standing: Standing) -> None:
    assert standings(bench_run(row()), target(**limits)) == [standing]


def test_the_median_of_the_samples_decides() -> None:
    one_was_slow = row(samples=[sample(p50_ms=1), sample(p50_ms=1), sample(p50_ms=900)])
    assert standings(bench_run(one_was_slow), target(at_most={"p50_ms": 2.0})) == [Standing.MET]


def test_every_row_a_target_selects_must_keep_every_limit() -> None:
    run = bench_run(row(parameters={"tuples": 1}), row(parameters={"tuples": 2}, samples=[sample(p50_ms=9)]))
    found = standings(run, target(at_most={"p50_ms": 2.0, "cpu_us": 80.0}))
    assert found == [Standing.MET, Standing.MET, Standing.MISSED, Standing.MET]


def test_what_no_row_measures_is_missed_with_a_line_for_each_limit() -> None:
    targets = target(at_most={"p50_ms": 2.0}, at_least={"per_s": 1.0}, against=(CPU,))
    found = judged(bench_run(row("never-seen")), targets)
    assert [judgement.standing for judgement in found] == [Standing.NOT_MEASURED] * 3
    assert missed(bench_run(row("never-seen")), targets) == found


def test_a_figure_the_row_does_not_have_is_not_measured() -> None:
    elsewhere = row(samples=[replace(sample(), processes=())])
    assert standings(bench_run(elsewhere), target(at_most={"cpu_us": 80.0})) == [Standing.NOT_MEASURED]


def test_a_row_that_was_stopped_before_its_first_sample_is_not_measured() -> None:
    stopped = replace(row(), samples=())
    assert standings(bench_run(stopped, complete=False), target(at_most={"p50_ms": 9.0})) == [Standing.NOT_MEASURED]


def test_a_row_with_faults_meets_nothing_however_fast_the_rest_was() -> None:
    faulty = row(samples=[sample(errors={"UNAVAILABLE": 5})])
    found = only(bench_run(faulty), target(at_most={"p50_ms": 100.0}))
    assert found.standing is Standing.MISSED
    assert "0.50% of the requests to ringward failed or were dropped" in str(found)


def test_one_failure_in_thousands_is_forgiven() -> None:
    one_failed = row(samples=[sample(completed=4_000, errors={"UNAVAILABLE": 1})])
    assert standings(bench_run(one_failed), target(at_most={"p50_ms": 100.0})) == [Standing.MET]


def test_a_generator_that_was_late_is_named_where_latency_is_missed_and_nowhere_else() -> None:
    late = bench_run(row(samples=[sample(p50_ms=9, late_ms=5.0)]))
    assert "the generator itself was 5.0 ms late" in str(only(late, target(at_most={"p99_ms": 7.0})))
    assert "late" not in str(only(late, target(at_most={"p99_ms": 20.0})))
    assert "late" not in str(only(late, target(at_most={"cpu_us": 1.0})))


def beside(ours_us: float, theirs_us: float, **theirs: Any) -> BenchRun:
    other = row("cached", "openfga", [sample(server_us=theirs_us, database_us=0)], **theirs)
    return bench_run(row(samples=[sample(server_us=ours_us, database_us=0)], parameters={"tuples": 10}), other)


@pytest.mark.parametrize(("ours_us", "standing"), [(100, Standing.MET), (102, Standing.MISSED)])
def test_a_part_of_another_system_is_taken_from_the_same_run(ours_us: float, standing: Standing) -> None:
    found = only(beside(ours_us, 202, parameters={"tuples": 10}), target(against=(CPU,)))
    assert found.standing is standing
    assert found.measured == f"{ours_us / 202:.3g} times ({ours_us} against 202)"
    assert found.limit == "at most 0.5 times openfga"


def test_an_absent_system_is_not_compared_and_fails_nothing() -> None:
    run = bench_run(row())
    found = only(run, target(against=(CPU,)))
    assert found.standing is Standing.NOT_COMPARED
    assert "openfga was not in the run" in str(found)
    assert missed(run, target(against=(CPU,))) == ()


@pytest.mark.parametrize(("otherwise", "standing"), [(80.0, Standing.MET), (70.0, Standing.MISSED)])
def test_where_it_is_absent_another_limit_may_stand_in(otherwise: float, standing: Standing) -> None:
    targets = target(against=(replace(CPU, otherwise=otherwise),))
    assert standings(bench_run(row()), targets) == [Standing.NOT_COMPARED, standing]


def test_where_it_is_there_the_other_limit_says_nothing() -> None:
    targets = target(against=(replace(CPU, otherwise=1.0),))
    assert standings(beside(100, 300, parameters={"tuples": 10}), targets) == [Standing.MET]


@pytest.mark.parametrize(
    "theirs",
    [
        {"parameters": {"tuples": 99}},
        {"parameters": {"tuples": 10}, "callers": 8},
        {"parameters": {"tuples": 10}, "loop": "open", "rate_per_s": 100.0},
        {"parameters": {"tuples": 10}, "generator": "h2load 1.52"},
    ],
)
def test_only_the_same_load_is_compared(theirs: Mapping[str, Any]) -> None:
    found = only(beside(100, 300, **theirs), target(against=(CPU,)))
    assert found.standing is Standing.NOT_MEASURED
    assert "openfga has no such figure under this load" in str(found)


def test_what_only_one_system_has_a_size_of_does_not_keep_them_apart() -> None:
    other = row("cached", "openfga", [sample(server_us=300)])
    ours = row(parameters={"nodes": 3}, samples=[sample(server_us=100)])
    assert standings(bench_run(ours, other), target(against=(CPU,))) == [Standing.MET]


def test_a_share_of_nothing_is_not_measured() -> None:
    assert standings(beside(100, 0, parameters={"tuples": 10}), target(against=(CPU,))) == [Standing.NOT_MEASURED]


def test_a_comparison_with_a_system_that_failed_is_no_success() -> None:
    other = row("cached", "openfga", [sample(server_us=900, errors={"RESOURCE_EXHAUSTED": 500})])
    found = only(bench_run(row(), other), target(against=(CPU,)))
    assert found.standing is Standing.MISSED
    assert "requests to openfga failed or were dropped" in str(found)


@pytest.mark.parametrize(
    ("measures", "standing"),
    [
        ({"ringward: start to ready, s": 1.5}, Standing.MET),
        ({"ringward: start to ready, s": 1.51}, Standing.MISSED),
        ({"ringward-postgres: start to ready, s": 1.0}, Standing.NOT_MEASURED),
    ],
)
def test_a_measure_is_held_to_its_limit(measures: Mapping[str, float], standing: Standing) -> None:
    targets = Targets(measure=(MeasureTarget("ringward: start to ready, s", 1.5, "because"),))
    found = only(bench_run(row(), measures=measures), targets)
    assert found.standing is standing
    assert (found.what, found.figure, found.limit) == ("ringward", "start to ready, s", "at most 1.5")


def test_a_line_says_what_was_measured_where_and_what_was_wanted() -> None:
    run = bench_run(row(parameters={"tuples": 10}, samples=[sample(p50_ms=2)]))
    found = only(run, target(at_most={"p50_ms": 1.5}))
    assert str(found) == "missed: cached (tuples 10) on ringward: p50, ms: 2.00, wanted at most 1.5"


def test_missed_leaves_out_what_was_met_and_keeps_the_order() -> None:
    targets = Targets(
        (*target(at_most={"p50_ms": 0.1, "cpu_us": 80.0}).target, *target(at_least={"per_s": 5_000.0}).target),
        (MeasureTarget("none", 1.0, "because"),),
    )
    found: Sequence[Judgement] = missed(bench_run(row()), targets)
    assert [judgement.figure.split(",")[0] for judgement in found] == ["p50", "completed a second", ""]
