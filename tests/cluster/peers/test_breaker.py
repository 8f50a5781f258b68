"""A breaker opens for silence at once, for failures when they are many, and lets one ask through to see."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cluster.peers.breaker import Breaker, BreakerSettings, BreakerState

SETTINGS = BreakerSettings(silence_s=0.1, strikes=3, answers_per_strike=4, first_pause_s=1.0, most_pause_s=5.0)


def opened() -> Breaker:
    breaker = Breaker(SETTINGS)
    breaker.broke()
    return breaker


def test_a_new_breaker_admits_everybody() -> None:
    breaker = Breaker(SETTINGS)
    assert all(breaker.admit() for _ in range(100))


def test_one_failure_in_silence_opens_it() -> None:
    breaker = Breaker(SETTINGS)
    assert breaker.failed(silent_s=0.1)
    assert breaker.state is BreakerState.OPEN
    assert not breaker.admit()


def test_a_failure_of_a_peer_that_was_just_heard_does_not_open_it() -> None:
    breaker = Breaker(SETTINGS)
    assert not breaker.failed(silent_s=0.09)
    assert breaker.admit()


def test_failures_that_add_up_open_it_though_the_peer_is_heard() -> None:
    breaker = Breaker(SETTINGS)
    assert [breaker.failed(silent_s=0.0) for _ in range(3)] == [False, False, True]


def test_answers_in_time_make_up_for_failures() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(50):
        assert not breaker.failed(silent_s=0.0)
        for _ in range(4):
            breaker.answered()
    assert breaker.state is BreakerState.CLOSED


def test_a_peer_that_fails_more_often_than_answers_make_up_for_is_left_alone_in_the_end() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(50):
        breaker.failed(silent_s=0.0)
        for _ in range(3):
            if breaker.admit():
                breaker.answered()
        if breaker.state is BreakerState.OPEN:
            return
    raise AssertionError("it never opened")


def test_answers_do_not_buy_failures_to_come() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(1000):
        breaker.answered()
    assert [breaker.failed(silent_s=0.0) for _ in range(3)] == [False, False, True]


def test_half_open_it_admits_one_at_a_time() -> None:
    breaker = opened()
    breaker.reopened()
    assert [breaker.admit() for _ in range(3)] == [True, False, False]
    breaker.left()
    assert [breaker.admit() for _ in range(3)] == [True, False, False]


def test_an_answer_closes_a_half_open_breaker() -> None:
    breaker = opened()
    breaker.reopened()
    breaker.admit()
    breaker.answered()
    assert all(breaker.admit() for _ in range(100))


def test_silence_opens_a_half_open_breaker_again() -> None:
    breaker = opened()
    breaker.reopened()
    breaker.admit()
    assert breaker.failed(silent_s=0.2)
    assert not breaker.admit()


def test_a_caller_in_a_hurry_says_nothing_about_a_half_open_peer() -> None:
    breaker = opened()
    breaker.reopened()
    breaker.admit()
    assert not breaker.failed(silent_s=0.01)
    assert breaker.admit()


def test_a_stream_that_stands_for_the_first_time_is_not_doubted() -> None:
    breaker = Breaker(SETTINGS)
    breaker.reopened()
    assert [breaker.admit() for _ in range(3)] == [True, True, True]


def test_pauses_double_up_to_the_most_and_begin_anew_after_an_answer() -> None:
    breaker = Breaker(SETTINGS)
    pauses = []
    for _ in range(5):
        breaker.broke()
        pauses.append(breaker.pause_s)
        breaker.reopened()
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]
    breaker.answered()
    breaker.broke()
    assert breaker.pause_s == 1.0


@given(st.integers(1, 100_000))
def test_a_peer_that_is_gone_for_good_is_tried_at_the_longest_pause(attempts: int) -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(min(attempts, 2_000)):
        breaker.broke()
    assert 1.0 <= breaker.pause_s <= 5.0


def test_many_who_fail_at_one_moment_open_it_once() -> None:
    breaker = Breaker(SETTINGS)
    assert [breaker.failed(silent_s=1.0) for _ in range(200)] == [True] + [False] * 199
    assert breaker.pause_s == 1.0


class BreakerMachine(RuleBasedStateMachine):
    """Whatever happens, in whatever order: at most one ask tries a doubted peer, and none an open one."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(SETTINGS)
        self.admitted = 0

    @rule()
    def somebody_asks(self) -> None:
        state = self.breaker.state
        if self.breaker.admit():
            assert state is not BreakerState.OPEN
            self.admitted += 1

    @precondition(lambda self: self.admitted)
    @rule()
    def an_answer_comes(self) -> None:
        self.admitted -= 1
        self.breaker.answered()
        assert self.breaker.state is BreakerState.CLOSED

    @precondition(lambda self: self.admitted)
    @rule(silent_s=st.floats(0, 1))
    def an_ask_fails(self, silent_s: float) -> None:
        self.admitted -= 1
        if self.breaker.failed(silent_s=silent_s):
            self.admitted = 0  # whoever still waits is let go

    @precondition(lambda self: self.admitted)
    @rule()
    def a_caller_leaves(self) -> None:
        self.admitted -= 1
        self.breaker.left()

    @rule()
    def the_stream_breaks(self) -> None:
        self.breaker.broke()
        self.admitted = 0

    @rule()
    def the_stream_stands(self) -> None:
        self.breaker.reopened()

    @invariant()
    def nobody_waits_behind_an_open_breaker(self) -> None:
        if self.breaker.state is BreakerState.OPEN:
            assert self.admitted == 0
        if self.breaker.state is BreakerState.HALF_OPEN:
            assert self.admitted <= 1


TestBreakerMachine = BreakerMachine.TestCase
