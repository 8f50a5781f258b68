"""Latencies as they are kept: three digits, up to a minute, whole after merging and reading again."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists

from bench.harness.histogram import InvalidHistogram, Latency


def latency_of(*times_s: float) -> Latency:
    found = Latency()
    for took_s in times_s:
        found.record_s(took_s)
    return found


@given(lists(floats(min_value=1e-6, max_value=60.0), min_size=1, max_size=30))
def test_percentiles_are_those_of_the_sorted_times_to_three_digits(times_s: list[float]) -> None:
    found = latency_of(*times_s)
    in_order = sorted(times_s)
    assert found.count == len(times_s)
    assert found.max_ms == pytest.approx(in_order[-1] * 1e3, rel=2e-3, abs=1e-3)
    middle = in_order[-(-len(in_order) // 2) - 1]
    assert found.percentile_ms(50) == pytest.approx(middle * 1e3, rel=2e-3, abs=1e-3)


def test_what_takes_longer_than_a_minute_counts_as_a_minute() -> None:
    assert latency_of(3_600.0).max_ms == pytest.approx(60_000, rel=2e-3)


def test_a_clock_that_went_back_a_little_counts_as_no_time() -> None:
    assert (latency_of(-1e-7).count, latency_of(-1e-7).max_ms) == (1, 0)


def test_without_any_there_is_nothing_to_tell() -> None:
    assert (Latency().count, Latency().max_ms, Latency().percentile_ms(99)) == (0, 0, 0)


def test_merged_they_are_as_if_recorded_together() -> None:
    merged = Latency.merged((latency_of(0.001, 0.1), latency_of(0.01), Latency()))
    assert merged.encoded() == latency_of(0.1, 0.01, 0.001).encoded()


def test_they_survive_being_written_and_being_pickled() -> None:
    whole = latency_of(0.000_5, 0.002, 59.0)
    for again in (Latency.decoded(whole.encoded()), pickle.loads(pickle.dumps(whole))):
        assert again.encoded() == whole.encoded()
        assert again.max_ms == whole.max_ms


def test_one_that_was_read_can_be_added_to() -> None:
    again = Latency.decoded(latency_of(0.001).encoded())
    again.record_s(30.0)
    assert again.count == 2
    assert again.max_ms == pytest.approx(30_000, rel=2e-3)


@pytest.mark.parametrize("text", ["", "AAAA", "nonsense", "ü", "HISTFAAAACB42pNpmSzMwMCgyAABzFCaEUzOm8HJAAAsXQFk"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidHistogram):
        Latency.decoded(text)
