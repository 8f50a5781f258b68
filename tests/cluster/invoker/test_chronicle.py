"""The chronicle against a model that forgets nothing: it may know less, never otherwise."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cluster.invoker.chronicle import Chronicle
from model.snapshot import Snapshot
from storage.base import Head

KEYS = st.integers(0, 12)


def head_at(number: int) -> Head:
    return Head(Snapshot.at_commit(number), "v")


def begun(*, most_keys: int = 100) -> Chronicle:
    return Chronicle(head_at(10), "here", most_keys=most_keys)


def test_a_chronicle_begins_with_a_head_and_without_steps() -> None:
    chronicle = begun()
    assert (chronicle.head, chronicle.history, chronicle.steps) == (head_at(10), "here", 0)
    assert chronicle.step_at(Snapshot.at_commit(10)) == 0
    assert chronicle.is_untouched_since(0, [1, 2])


def test_what_was_before_it_began_is_not_known() -> None:
    assert begun().step_at(Snapshot.at_commit(9)) is None


def test_a_snapshot_between_two_heads_belongs_to_the_earlier() -> None:
    chronicle = begun()
    chronicle.go_on(head_at(20), {1})
    chronicle.go_on(head_at(30), {2})
    assert [chronicle.step_at(Snapshot.at_commit(number)) for number in (10, 19, 20, 25, 30, 99)] == [0, 0, 1, 1, 2, 2]


def test_a_snapshot_that_misses_one_transaction_of_a_head_belongs_to_an_earlier_one() -> None:
    chronicle = begun()
    chronicle.go_on(head_at(20), {1})
    assert chronicle.step_at(Snapshot(15, 31, frozenset({15}))) == 0
    assert chronicle.step_at(Snapshot(21, 31, frozenset({21}))) == 1


def test_a_touch_counts_from_the_step_it_came_with() -> None:
    chronicle = begun()
    chronicle.go_on(head_at(20), {1})
    chronicle.go_on(head_at(30), {2})
    assert [chronicle.is_untouched_since(step, [1]) for step in (0, 1, 2)] == [False, True, True]
    assert [chronicle.is_untouched_since(step, [1, 2, 3]) for step in (0, 1, 2)] == [False, False, True]
    assert chronicle.is_untouched_since(0, [3])


def test_where_anything_may_have_been_touched_nothing_is_known_to_be_untouched() -> None:
    chronicle = begun()
    chronicle.go_on(head_at(20), None)
    assert not chronicle.is_untouched_since(0, [3])
    assert not chronicle.is_untouched_since(0, [])
    assert chronicle.is_untouched_since(1, [3])


def test_the_oldest_touches_are_forgotten_and_so_is_what_was_untouched_then() -> None:
    chronicle = begun(most_keys=4)
    for number in range(1, 7):
        chronicle.go_on(head_at(10 + number), {number})
    assert not chronicle.is_untouched_since(0, [99])
    assert chronicle.is_untouched_since(5, [99])
    assert not chronicle.is_untouched_since(4, [5])


class ChronicleMachine(RuleBasedStateMachine):
    """Steps of any keys; the model remembers them all."""

    @initialize(most_keys=st.integers(2, 20))
    def begin(self, most_keys: int) -> None:
        self.chronicle = Chronicle(head_at(1), "here", most_keys=most_keys)
        self.touched: list[set[int] | None] = []

    @rule(keys=st.one_of(st.none(), st.sets(KEYS, max_size=4), st.sets(KEYS, max_size=4)))
    def go_on(self, keys: set[int] | None) -> None:
        self.chronicle.go_on(head_at(self.chronicle.steps + 2), keys)
        self.touched.append(keys)

    @rule(data=st.data(), keys=st.sets(KEYS, max_size=3))
    def ask(self, data: Any, keys: set[int]) -> None:
        step = data.draw(st.integers(0, self.chronicle.steps))
        later = self.touched[step:]
        untouched = all(touched is not None and not touched & keys for touched in later)
        assert untouched or not self.chronicle.is_untouched_since(step, keys)

    @invariant()
    def the_last_step_is_always_known(self) -> None:
        recent = self.touched[-1:]
        if recent and recent[0] is not None:
            for key in range(13):
                assert self.chronicle.is_untouched_since(len(self.touched) - 1, [key]) == (key not in recent[0])

    @invariant()
    def every_head_is_its_own_step(self) -> None:
        for step in range(self.chronicle.steps + 1):
            assert self.chronicle.step_at(Snapshot.at_commit(step + 1)) == step


TestChronicleMachine = ChronicleMachine.TestCase
