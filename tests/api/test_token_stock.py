"""Tokens drawn ahead: they end soon, follow the demand, and their bucket is left alone where it has none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.token_stock import AHEAD_S, LEASE_S, PAUSE_S, TokenStock


def stocked(tokens: int, *, at_s: float = 0.0, per_s: int = 1_000) -> TokenStock:
    stock = TokenStock(per_s, at_s)
    stock.drawn(tokens, asked=tokens, drawn_at_s=at_s, next_in_s=0.0, now_s=at_s)
    return stock


def test_as_many_calls_find_a_token_as_were_drawn() -> None:
    stock = stocked(3)
    assert [stock.ask(0.01) for _ in range(5)] == [True] * 3 + [False] * 2


def test_a_token_ends_a_lease_after_it_was_asked_for_whenever_it_came() -> None:
    stock = TokenStock(1_000, 0.0)
    stock.drawn(2, asked=2, drawn_at_s=1.0, next_in_s=0.0, now_s=1.04)
    assert stock.take(1.0 + LEASE_S - 1e-9)
    assert not stock.take(1.0 + LEASE_S)


def test_the_oldest_are_taken_first() -> None:
    stock = stocked(1)
    stock.drawn(1, asked=1, drawn_at_s=0.05, next_in_s=0.0, now_s=0.05)
    assert stock.take(0.09)
    assert stock.take(0.11)
    assert not stock.take(0.12)


def test_who_asks_seldom_draws_what_is_needed_and_no_more() -> None:
    stock = TokenStock(1_000, 0.0)
    for second in range(1, 10):
        assert not stock.ask(float(second))
        assert stock.draws(1, float(second)) == 1


def test_the_demand_of_a_moment_is_drawn_ahead_refused_calls_included() -> None:
    stock = TokenStock(1_000, 0.0)
    for call in range(1, 101):
        stock.ask(call * 0.001)
    assert stock.draws(0, 0.1) == pytest.approx(1_000 * AHEAD_S, abs=1)
    assert "1000 asked for per second" in repr(stock)


def test_no_demand_makes_a_node_draw_more_than_could_flow_in() -> None:
    stock = TokenStock(100, 0.0)
    for _ in range(100_000):
        stock.ask(0.1)
    assert stock.draws(0, 0.1) == 100 * AHEAD_S


def test_what_is_there_is_not_drawn_again() -> None:
    stock = TokenStock(1_000, 0.0)
    for call in range(1, 101):
        stock.ask(call * 0.001)
    stock.drawn(30, asked=30, drawn_at_s=0.1, next_in_s=0.0, now_s=0.1)
    assert stock.draws(0, 0.1) == pytest.approx(20, abs=1)


def test_it_is_low_before_it_is_empty() -> None:
    stock = TokenStock(1_000, 0.0)
    for call in range(1, 101):
        stock.ask(call * 0.001)
    wanted = stock.draws(0, 0.1)
    stock.drawn(wanted, asked=wanted, drawn_at_s=0.1, next_in_s=0.0, now_s=0.1)
    assert not stock.is_low(0.1)
    while not stock.is_low(0.11):
        assert stock.ask(0.11)
    assert stock.ask(0.11)


def test_where_fewer_were_given_there_is_a_pause() -> None:
    stock = TokenStock(1_000, 0.0)
    stock.drawn(1, asked=2, drawn_at_s=0.0, next_in_s=0.0, now_s=0.01)
    assert stock.pause_s(0.01) == pytest.approx(PAUSE_S)
    assert stock.pause_s(0.01 + PAUSE_S) == 0
    stock.drawn(0, asked=1, drawn_at_s=1.0, next_in_s=0.5, now_s=1.0)
    assert stock.pause_s(1.2) == pytest.approx(0.3)
    assert not stock.is_low(1.2)


class FairBucket:
    """The shared bucket, with no clock but the test's."""

    def __init__(self, per_s: int) -> None:
        self.per_s = per_s
        self.tokens = float(per_s)
        self.at_s = 0.0

    def draw(self, wanted: int, now_s: float) -> int:
        self.tokens = min(self.per_s, self.tokens + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s
        given = min(wanted, int(self.tokens + 1e-6))
        self.tokens -= given
        return given


@settings(max_examples=60)
@given(
    per_s=st.integers(1, 1_000),
    nodes=st.integers(1, 4),
    steps=st.lists(st.tuples(st.floats(0, 0.3), st.integers(0, 3), st.integers(0, 100)), min_size=1, max_size=40),
)
def test_no_span_sees_more_calls_than_a_burst_what_flowed_in_and_a_lease(
    per_s: int, nodes: int, steps: list[tuple[float, int, int]]
) -> None:
    bucket, now_s = FairBucket(per_s), 0.0
    stocks = [TokenStock(per_s, 0.0) for _ in range(nodes)]
    admitted: list[float] = []
    for step_s, node, calls in steps:
        now_s += step_s
        stock = stocks[node % nodes]
        for _ in range(calls):
            if stock.ask(now_s):
                admitted.append(now_s)
            elif not stock.pause_s(now_s):
                asked = stock.draws(1, now_s)
                given_tokens = bucket.draw(asked, now_s)
                stock.drawn(given_tokens, asked=asked, drawn_at_s=now_s, next_in_s=0.0, now_s=now_s)
                if stock.take(now_s):
                    admitted.append(now_s)
    for first in range(0, len(admitted), 7):
        for last in range(first, len(admitted), 11):
            span_s = admitted[last] - admitted[first]
            assert last - first + 1 <= per_s * (1 + span_s + LEASE_S) + 1
