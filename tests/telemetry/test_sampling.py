"""Which calls are traced: by the caller's word, by chance, by the trace's id; and what is no traceparent."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.sampling import Sampler, Sampling, Start, TraceParent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


def sampling(sampler: Sampler, ratio: float = 0.5, *, drawn: float = 0.0) -> Sampling:
    return Sampling(sampler, ratio, lambda: drawn)


def test_a_traceparent_is_read() -> None:
    assert TraceParent.parse(SAMPLED) == TraceParent(int(TRACE, 16), int(SPAN, 16), is_sampled=True)
    assert TraceParent.parse(UNSAMPLED) == TraceParent(int(TRACE, 16), int(SPAN, 16), is_sampled=False)
    assert TraceParent.parse(f"00-{TRACE}-{SPAN}-03") == TraceParent.parse(SAMPLED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        SAMPLED.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}0-{SPAN}-01",
        f" {SAMPLED}",
    ],
)
def test_what_is_no_traceparent_is_none(text: str) -> None:
    assert TraceParent.parse(text) is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert TraceParent.parse(f"01-{TRACE}-{SPAN}-01-more") == TraceParent.parse(SAMPLED)


@given(st.text())
def test_any_text_is_read_or_not_but_never_breaks_anything(text: str) -> None:
    parent = TraceParent.parse(text)
    assert parent is None or (parent.trace_id and parent.span_id)


def test_a_parents_word_counts_whatever_is_drawn() -> None:
    for drawn in (0.0, 0.999):
        by_parent = sampling(Sampler.PARENT, drawn=drawn)
        assert by_parent.start(SAMPLED) == Start(TraceParent.parse(SAMPLED))
        assert by_parent.start(UNSAMPLED) is None


@pytest.mark.parametrize("header", [None, "", "nonsense"])
def test_without_a_word_the_ratio_decides(header: str | None) -> None:
    for sampler in (Sampler.PARENT, Sampler.RATIO):
        assert sampling(sampler, 0.5, drawn=0.49).start(header) == Start(None)
        assert sampling(sampler, 0.5, drawn=0.5).start(header) is None


def test_a_ratio_of_one_takes_everything_and_of_zero_nothing() -> None:
    assert sampling(Sampler.PARENT, 1.0, drawn=0.9999999).start(None) == Start(None)
    assert sampling(Sampler.PARENT, 0.0, drawn=0.0).start(None) is None


def test_always_and_never_ask_nobody() -> None:
    assert sampling(Sampler.ALWAYS, 0.0, drawn=0.99).start(UNSAMPLED) == Start(TraceParent.parse(UNSAMPLED))
    assert sampling(Sampler.ALWAYS, 0.0, drawn=0.99).start(None) == Start(None)
    assert sampling(Sampler.NEVER, 1.0).start(SAMPLED) is None
    assert sampling(Sampler.NEVER, 1.0).start(None) is None


@given(st.integers(1, 2**128 - 1), st.floats(0, 1), st.floats(0, 1))
def test_by_ratio_whoever_shares_it_decides_alike_and_a_larger_one_takes_no_less(
    trace_id: int, one: float, other: float
) -> None:
    header = f"00-{trace_id:032x}-{SPAN}-00"
    smaller, larger = (sampling(Sampler.RATIO, ratio).start(header) for ratio in sorted((one, other)))
    assert smaller is None or smaller == larger == Start(TraceParent.parse(header))


def test_about_as_many_are_taken_as_the_ratio_says() -> None:
    draws = random.Random(7)
    by_chance = Sampling(Sampler.PARENT, 0.1, draws.random)
    by_id = Sampling(Sampler.RATIO, 0.1, draws.random)
    headers = [f"00-{draws.getrandbits(128) | 1:032x}-{SPAN}-01" for _ in range(10_000)]
    assert 900 < sum(by_chance.start(None) is not None for _ in range(10_000)) < 1_100
    assert 900 < sum(by_id.start(header) is not None for header in headers) < 1_100
