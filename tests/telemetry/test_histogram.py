"""Histograms: which bound a value belongs to, and that nothing is lost."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from telemetry.histogram import SECONDS, Exemplar, Histogram

values = st.lists(st.floats(min_value=0, max_value=100, allow_nan=False))


def test_a_value_belongs_to_the_least_bound_it_does_not_exceed() -> None:
    histogram = Histogram((1, 2, 5))
    for value in (0.5, 1, 1.5, 2, 5.1):
        histogram.observe(value)
    assert list(histogram.up_to) == [2, 4, 4, 5]
    assert (histogram.count, histogram.sum) == (5, 10.1)


@given(values)
def test_each_value_is_counted_once_up_to_each_bound_it_does_not_exceed(seen: list[float]) -> None:
    histogram = Histogram()
    for value in seen:
        histogram.observe(value)
    ordered = sorted(seen)
    assert list(histogram.up_to[:-1]) == [bisect_right(ordered, bound) for bound in SECONDS]
    assert histogram.up_to[-1] == histogram.count == len(seen)


def test_an_empty_one_has_nothing() -> None:
    histogram = Histogram((1,))
    assert (list(histogram.up_to), histogram.count, histogram.sum) == ([0, 0], 0, 0.0)


def test_of_the_exemplars_of_one_bound_the_newest_is_kept() -> None:
    histogram = Histogram((1, 2))
    older, newer, other = Exemplar("a", 0.1, 1.0), Exemplar("b", 0.9, 2.0), Exemplar("c", 7.0, 3.0)
    for exemplar in (older, newer, other):
        histogram.illustrate(exemplar)
    assert histogram.exemplars == {0: newer, 2: other}
