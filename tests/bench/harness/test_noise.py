"""The rank-sum test: exact where samples are few, and never surer than they allow."""

from __future__ import annotations

import math
import random
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.harness.noise import chance

samples = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1, 2, 3], [4, 5, 6], 2 / 20),  # as far apart as three a side can be: one way in each direction
        ([1, 2, 3, 4], [5, 6, 7, 8], 2 / 70),
        ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 2 / 252),
        ([1, 2, 4], [3, 5, 6], 4 / 20),
        ([1, 4], [2, 3], 1.0),
        ([1, 1, 1], [1, 1, 1], 1.0),
        ([1, 1, 2], [2, 3, 3], 4 / 20),  # ranks 1½ 1½ 3½ and 3½ 5½ 5½
    ],
)
def test_few_samples_are_counted_out(before: list[float], after: list[float], expected: float) -> None:
    assert chance(before, after) == pytest.approx(expected)


@pytest.mark.parametrize(("before", "after"), [([], [1.0]), ([1.0], []), ([], [])])
def test_without_samples_nothing_is_known(before: list[float], after: list[float]) -> None:
    assert chance(before, after) == 1.0


@given(samples, samples)
def test_it_is_a_probability_and_the_same_both_ways_round(before: list[float], after: list[float]) -> None:
    found = chance(before, after)
    assert 0 < found <= 1
    assert chance(after, before) == pytest.approx(found)


@given(samples, samples)
def test_only_the_order_of_the_values_counts(before: list[float], after: list[float]) -> None:
    assert chance([value**3 + 1 for value in before], [value**3 + 1 for value in after]) == chance(before, after)


def test_two_samples_drawn_alike_seldom_differ() -> None:
    dice = random.Random(1)
    draws = [chance([dice.random() for _ in range(4)], [dice.random() for _ in range(4)]) for _ in range(500)]
    assert sum(found <= 0.1 for found in draws) <= 0.1 * 500 * 1.3


@cache
def ways(wins: int, first: int, second: int) -> int:
    """In how many orders of two groups members of the first come after members of the second so many times."""
    if wins < 0 or first < 0 or second < 0:
        return 0
    if not (first and second):
        return int(wins == 0)
    return ways(wins - second, first - 1, second) + ways(wins, first, second - 1)


@pytest.mark.parametrize("seed", range(8))
def test_many_samples_follow_the_normal_distribution_close_to_the_exact_count(seed: int) -> None:
    dice, size = random.Random(seed), 12
    before, after = [dice.random() for _ in range(size)], [dice.random() + seed / 20 for _ in range(size)]
    wins = sum(mine > theirs for mine in before for theirs in after)
    middle = size * size / 2
    as_far = sum(ways(n, size, size) for n in range(size * size + 1) if abs(n - middle) >= abs(wins - middle))
    assert chance(before, after) == pytest.approx(as_far / math.comb(2 * size, size), abs=0.01)


def test_many_equal_samples_do_not_differ_and_many_different_ones_do() -> None:
    assert chance([1.0] * 20, [1.0] * 20) == 1.0
    assert chance([float(n) for n in range(20)], [float(n) for n in range(20, 40)]) < 1e-6


def test_the_further_apart_the_less_probable() -> None:
    base = [1.0, 2.0, 3.0, 4.0]
    found = [chance(base, [value + shift for value in base]) for shift in (0, 1, 2, 4)]
    assert all(later <= earlier for earlier, later in pairwise(found))
