"""So many calls a second, and so many at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.limits import Places, TokenBucket
from model.errors import LimitExceeded

RPC = "/base.v1.Permission/Check"


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def took(bucket: TokenBucket) -> bool:
    try:
        bucket.take(RPC)
    except LimitExceeded:
        return False
    return True


def test_a_full_bucket_lets_a_burst_in_and_then_one_at_a_time() -> None:
    clock = Clock()
    bucket = TokenBucket(4, clock)
    assert [took(bucket) for _ in range(5)] == [True] * 4 + [False]
    clock.now_s += 0.25
    assert [took(bucket) for _ in range(2)] == [True, False]
    clock.now_s += 3600
    assert [took(bucket) for _ in range(5)] == [True] * 4 + [False]
    assert repr(bucket) == "<TokenBucket 0 of 4>"
    assert bucket.refused == 3


@given(per_s=st.integers(1, 1_000), steps=st.lists(st.floats(0, 0.5), min_size=1, max_size=300))
def test_no_span_sees_more_calls_than_a_bucket_and_what_flowed_in(per_s: int, steps: list[float]) -> None:
    clock = Clock()
    bucket = TokenBucket(per_s, clock)
    passed = 0
    for step in steps:
        clock.now_s += step
        passed += took(bucket)
    assert passed <= per_s + (clock.now_s - 100.0) * per_s + 1e-3
    assert passed >= min(len(steps), per_s)


@given(per_s=st.integers(1, 1_000), wait_s=st.floats(0, 1))
def test_after_the_time_it_names_the_call_passes_and_not_before(per_s: int, wait_s: float) -> None:
    clock = Clock()
    bucket = TokenBucket(per_s, clock)
    while took(bucket):
        pass
    with pytest.raises(LimitExceeded, match=f"{RPC} is rejected: this node accepts {per_s} calls") as refused:
        bucket.take(RPC)
    retry_after_s = refused.value.retry_after_s
    assert retry_after_s is not None
    called_at_s = clock.now_s
    clock.now_s = called_at_s + retry_after_s * wait_s * 0.99
    assert not took(bucket)
    clock.now_s = called_at_s + retry_after_s
    assert took(bucket)


@pytest.mark.parametrize("per_s", [0, -1])
def test_no_limit_is_no_limit(per_s: int) -> None:
    bucket = TokenBucket(per_s, Clock())
    assert all(took(bucket) for _ in range(100))


def test_places_are_taken_and_given_back() -> None:
    places = Places(2, "streams")
    places.take(RPC)
    places.take(RPC)
    with pytest.raises(LimitExceeded, match="2 streams in progress") as refused:
        places.take(RPC)
    assert refused.value.retry_after_s == 1.0
    places.give_back()
    places.take(RPC)
    assert places.taken == 2
    assert repr(places) == "<Places 2 of 2 streams>"


@pytest.mark.parametrize("most", [0, -5])
def test_without_a_limit_there_is_always_a_place(most: int) -> None:
    places = Places(most, "calls")
    for _ in range(100):
        places.take(RPC)
    assert places.taken == 100


def test_who_found_no_place_is_counted() -> None:
    places = Places(1, "calls")
    places.take(RPC)
    for _ in range(3):
        with pytest.raises(LimitExceeded):
            places.take(RPC)
    assert (places.taken, places.refused) == (1, 3)
