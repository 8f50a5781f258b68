"""The figures of a row: medians with their spread, costs per item, and nothing where nothing was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.harness.figures import FIGURES, Spread, faults_ratio, lateness_p99_ms, load_name, size_text, spreads
from bench.harness.results import ProcessUse
from tests.support.bench_results import row, sample


def test_a_spread_tells_the_median_and_the_extremes_and_one_outlier_does_not_move_the_median() -> None:
    spread = Spread((2.0, 900.0, 1.0))
    assert (spread.median, spread.least, spread.most) == (2.0, 1.0, 900.0)
    assert Spread((1.0, 2.0)).median == 1.5


def test_latency_is_told_by_percentiles_of_each_sample() -> None:
    found = spreads(row(samples=[sample(p50_ms=2), sample(p50_ms=3), sample(p50_ms=10)]))
    for name in ("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"):
        assert found[name].values == pytest.approx((2, 3, 10), rel=0.002)


def test_the_percentiles_are_those_their_names_say() -> None:
    found = spreads(row(samples=[sample(p50_ms=10, spread=0.5, completed=20_000)]))
    expected = {"p50_ms": 0, "p90_ms": 1.2816, "p99_ms": 2.3263, "p99_9_ms": 3.0902}  # of the normal distribution
    for name, deviations in expected.items():
        assert found[name].median == pytest.approx(10 * 2.718281828 ** (0.5 * deviations), rel=0.1), name


def test_throughput_counts_what_was_completed_not_what_was_sent() -> None:
    found = spreads(row(samples=[sample(completed=500, errors={"UNAVAILABLE": 500}, per_s=250)]))
    assert found["per_s"].median == pytest.approx(250)


def test_cpu_is_told_for_server_and_database_apart_and_together() -> None:
    found = spreads(row(samples=[sample(server_us=40, database_us=25)]))
    assert found["cpu_us"].median == pytest.approx(65)
    assert found["server_cpu_us"].median == pytest.approx(40)
    assert found["database_cpu_us"].median == pytest.approx(25)


def test_cpu_of_a_request_with_many_items_is_told_for_each_item() -> None:
    found = spreads(row(items=100, samples=[sample(server_us=20, database_us=30, items=100)]))
    assert found["cpu_us"].median == pytest.approx(50)


def test_several_servers_are_one_system() -> None:
    one = replace(
        sample(completed=1_000),
        processes=(
            ProcessUse("server", 0.010, 50_000_000),
            ProcessUse("server-2", 0.030, 60_000_000),
            ProcessUse("database", 0.020, 200_000_000),
        ),
    )
    found = spreads(row(samples=[one]))
    assert found["server_cpu_us"].median == pytest.approx(40)
    assert found["server_mb"].median == pytest.approx(110)
    assert found["database_mb"].median == pytest.approx(200)


def test_a_system_without_a_database_has_no_figures_of_one() -> None:
    alone = replace(sample(), processes=(ProcessUse("server", 0.05, 50_000_000),))
    assert "database_cpu_us" not in spreads(row(samples=[alone]))
    assert spreads(row(samples=[alone]))["cpu_us"].median == pytest.approx(50)


def test_a_system_elsewhere_has_no_cpu_or_memory_but_latency() -> None:
    found = spreads(row(samples=[replace(sample(), processes=())]))
    assert "p99_ms" in found
    assert not {"cpu_us", "server_cpu_us", "database_cpu_us", "server_mb", "database_mb"} & found.keys()


def test_a_database_whose_server_is_not_known_does_not_pass_for_the_whole_cost() -> None:
    found = spreads(row(samples=[replace(sample(), processes=(ProcessUse("database", 0.05, 1),))]))
    assert "cpu_us" not in found
    assert "database_cpu_us" in found


def test_a_sample_in_which_nothing_was_completed_has_no_figures_and_leaves_the_others_theirs() -> None:
    nothing = sample(completed=0, errors={"UNAVAILABLE": 10})
    assert spreads(row(samples=[nothing])) == {}
    assert len(spreads(row(samples=[nothing, sample()]))["p50_ms"].values) == 1


def test_figures_come_in_the_order_of_the_list() -> None:
    assert list(spreads(row())) == list(FIGURES)


def test_what_failed_and_what_was_dropped_are_faults_alike() -> None:
    faulty = [sample(completed=900, errors={"A": 30, "B": 20}, dropped=50), sample(completed=1_000)]
    assert faults_ratio(row(samples=faulty)) == pytest.approx(0.05)
    assert faults_ratio(row()) == 0


def test_a_row_in_which_nothing_was_sent_is_all_faults() -> None:
    assert faults_ratio(row(samples=[sample(completed=0)])) == 1.0


def test_lateness_is_that_of_the_worst_sample() -> None:
    assert lateness_p99_ms(row(samples=[sample(late_ms=0.1), sample(late_ms=4.0), sample(late_ms=0.2)])) == 4.0


def test_a_load_is_named_by_its_sizes_and_its_rate() -> None:
    assert load_name("cached", {}, None) == "cached"
    named = load_name("mixed", {"writes": 0.01, "tuples": 100_000, "popularity": "zipf"}, 1_000.0)
    assert named.replace("\xa0", " ") == "mixed (writes 0.01, tuples 100 000, popularity zipf, 1 000 a second)"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1_000_000, "1 000 000"), (0.01, "0.01"), (0.1 + 0.2, "0.3"), ("zipf", "zipf")]
)
def test_sizes_are_written_as_they_are_read(value: str | float, text: str) -> None:
    assert size_text(value).replace("\xa0", " ") == text


def test_figures_are_written_with_their_digits_and_say_their_unit() -> None:
    assert FIGURES["p99_ms"].text(12_345.678).replace("\xa0", " ") == "12 345.68"
    assert FIGURES["cpu_us"].text(103.5) == "104"
    assert FIGURES["cpu_us"].unit == "µs"
    assert FIGURES["per_s"].unit == "completed a second"
