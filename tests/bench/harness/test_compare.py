"""Two runs side by side: changes beyond noise are named, noise is not, and unequal runs are called so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.harness.compare import compared
from bench.harness.results import BenchRun, System
from tests.support.bench_results import bench_run, row, sample


def costing(*server_us: float, **others: Any) -> BenchRun:
    """A run of one row whose samples cost that much."""
    return bench_run(row(samples=[sample(server_us=cost, database_us=0) for cost in server_us], **others))


def changed(before: BenchRun, after: BenchRun) -> Sequence[str]:
    """The rows of the table of changes that are about the server's CPU."""
    return [line for line in compared(before, after).splitlines() if "| CPU of server, µs |" in line]


def test_what_costs_more_is_worse_and_what_costs_less_is_better() -> None:
    (worse,) = changed(costing(50, 51, 52), costing(70, 71, 72))
    assert worse == "| cached | ringward | CPU of server, µs | 51 (50 to 52) | 71 (70 to 72) | +39% | 0.1 | **worse** |"
    (better,) = changed(costing(70, 71, 72), costing(50, 51, 52))
    assert better.endswith("| -28% | 0.1 | better |")


def test_more_throughput_is_better() -> None:
    slow, fast = ([sample(per_s=rate + n) for n in range(3)] for rate in (100.0, 200.0))
    text = compared(bench_run(row(samples=slow)), bench_run(row(samples=fast)))
    (line,) = [line for line in text.splitlines() if "completed a second" in line]
    assert line.endswith("better |")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((50, 51, 52), (50, 51, 52)),
        ((50, 51, 52), (54, 54.5, 55)),  # beyond the samples' noise, but less than runs differ by anyway
        ((50, 60, 90), (58, 80, 85)),  # a third more, but within the noise
        ((50, 51, 90), (70, 71, 72)),  # one sample too far
        ((50, 51), (90, 91)),  # two a side tell nothing
        ((50,), (90, 91, 92)),
    ],
)
def test_noise_is_no_change(before: Sequence[float], after: Sequence[float]) -> None:
    assert changed(costing(*before), costing(*after)) == []


def test_it_says_how_many_figures_might_differ_by_chance_and_how_many_tell_nothing() -> None:
    enough, few = [sample(seed=n) for n in range(3)], [sample()]
    run = bench_run(row(samples=enough), row("never-seen", samples=few))
    text = compared(run, run)
    assert "0 of 11 figures changed" in text
    assert "up to 1 of them could pass that test by chance" in text
    assert "11 figures have fewer than 3 samples in a run" in text


def test_a_run_compared_with_itself_changes_nothing_and_warns_of_nothing() -> None:
    run = costing(50, 51, 52)
    text = compared(run, run)
    assert "**" not in text
    assert "worse" not in text
    assert "better" not in text


@pytest.mark.parametrize(
    "others",
    [
        {"parameters": {"tuples": 5}},
        {"callers": 8},
        {"loop": "open", "rate_per_s": 5.0},
        {"workload": "never-seen"},
        {"system": "openfga"},
        {"items": 9},
    ],
)
def test_only_the_same_load_on_the_same_system_is_compared(others: dict[str, Any]) -> None:
    before, after = (
        costing(50, 51, 52, parameters={"tuples": 4}),
        costing(90, 91, 92, **({"parameters": {"tuples": 4}} | others)),
    )
    assert changed(before, after) == []
    text = compared(before, after)
    assert "## Measured before alone" in text
    assert "## Measured after alone" in text


def test_the_order_of_sizes_and_rows_does_not_matter() -> None:
    one = row(parameters={"a": 1, "b": 2}, samples=[sample(server_us=50 + n) for n in range(3)])
    same = replace(one, parameters={"b": 2, "a": 1})
    assert "before alone" not in compared(bench_run(one, row("other")), bench_run(row("other"), same))


def test_another_machine_is_named_and_another_commit_is_not() -> None:
    here = costing(50, 51, 52)
    there = replace(here, machine="commit 1111111111, Xeon, 64 cores, Python 3.13.0")
    later = replace(here, machine="commit 2222222222, AMD EPYC, 2 cores, Python 3.11.7")
    assert "different machines" in compared(here, there)
    assert "different machines" not in compared(here, later)


def test_a_run_that_was_stopped_is_named() -> None:
    here = costing(50, 51, 52)
    assert "The run after was stopped before its end" in compared(here, replace(here, complete=False))


def test_faults_are_named_with_the_run_they_were_in() -> None:
    faulty = bench_run(row(samples=[sample(errors={"UNAVAILABLE": 100})] * 3))
    text = compared(faulty, costing(50, 51, 52))
    assert "before: cached on ringward: 9.09% of the requests failed or were dropped" in text


def test_another_generator_and_another_version_are_named() -> None:
    before = costing(50, 51, 52)
    after = costing(50, 51, 52, generator="h2load 1.52")
    after = replace(after, systems=(System("ringward", "2.0", ""),))
    text = compared(before, after)
    assert "h2load 1.52, ringward bench" in text
    assert "ringward was 1.0 and is 2.0" in text


def test_measures_stand_beside_each_other_without_a_judgement() -> None:
    before, after = {"a: start, s": 1.0, "b: start, s": 2.0}, {"a: start, s": 1.5, "c: start, s": 1.0}
    text = compared(bench_run(measures=before), bench_run(measures=after))
    assert "| a: start, s | 1 | 1.5 | +50% |" in text
    assert "nothing tells a change from noise" in text
    assert "b: start" not in text


def test_a_figure_that_was_nothing_may_become_something() -> None:
    (line,) = changed(costing(0, 0, 0), costing(70, 71, 72))
    assert "+inf%" in line


def test_runs_without_rows_can_be_compared() -> None:
    assert "0 of 0 figures changed" in compared(bench_run(), bench_run())


def test_comparing_and_judging_load_nothing_that_draws() -> None:
    program = "import sys, bench.harness.compare, bench.harness.judgements; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
