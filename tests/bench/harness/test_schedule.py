"""When requests are meant to start."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, sampled_from

from bench.harness.schedule import Arrivals, ClosedLoop, OpenLoop

RATES = floats(min_value=0.5, max_value=500)


@given(RATES, floats(min_value=0.01, max_value=5), integers(0, 9), sampled_from(["constant", "poisson"]))
def test_starts_ascend_within_the_stretch_and_are_the_same_each_time(
    rate_per_s: float, duration_s: float, seed: int, arrivals: Arrivals
) -> None:
    loop = OpenLoop(rate_per_s, arrivals, seed=seed)
    starts_s = list(loop.starts_s(duration_s))
    assert starts_s == sorted(starts_s) == list(loop.starts_s(duration_s))
    assert all(0 <= start_s < duration_s for start_s in starts_s)


def test_a_constant_rate_is_met_exactly() -> None:
    assert list(OpenLoop(4, "constant").starts_s(1)) == [0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_meet_the_rate_and_come_by_chance() -> None:
    starts_s = list(OpenLoop(1_000, "poisson").starts_s(20))
    gaps_s = [after - before for before, after in pairwise(starts_s)]
    assert len(starts_s) == pytest.approx(20_000, rel=0.03)
    assert statistics.stdev(gaps_s) == pytest.approx(statistics.mean(gaps_s), rel=0.05)  # as of the exponential


@given(integers(1, 5), RATES)
def test_shares_of_constant_arrivals_are_together_what_they_were(count: int, rate_per_s: float) -> None:
    loop = OpenLoop(rate_per_s, "constant")
    together = sorted(start_s for share in loop.shares(count) for start_s in share.starts_s(2))
    alone = list(loop.starts_s(2))
    assert abs(len(together) - len(alone)) <= 1  # one may fall on the end, by rounding
    assert all(mine == pytest.approx(theirs) for mine, theirs in zip(together, alone, strict=False))


def test_shares_of_poisson_arrivals_meet_the_rate_together_and_differ() -> None:
    shares = OpenLoop(1_000, most_open=9).shares(2)
    together = [list(share.starts_s(10)) for share in shares]
    assert sum(map(len, together)) == pytest.approx(10_000, rel=0.05)
    assert not set(together[0]) & set(together[1])
    assert [share.most_open for share in shares] == [5, 5]


def test_each_turn_has_other_arrivals_and_each_share_of_each_turn_too() -> None:
    loop = OpenLoop(100)
    starts = [tuple(share.starts_s(1)) for turn in range(5) for share in loop.at_turn(turn).shares(3)]
    assert len(set(starts)) == 15


@given(integers(1, 50), integers(1, 8))
def test_callers_are_spread_evenly_and_none_is_lost(callers: int, count: int) -> None:
    shares = [share.callers for share in ClosedLoop(callers).shares(count)]
    assert sum(shares) == callers
    assert len(shares) <= count
    assert min(shares) >= 1
    assert max(shares) - min(shares) <= 1
