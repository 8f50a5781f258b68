"""What is passed on again and again becomes hot, and what is not asked for any more is forgotten."""

from __future__ import annotations

import pytest

from cluster.invoker import hot_keys
from cluster.invoker.hot_keys import HotKeys


def test_a_key_becomes_hot_after_some_times_and_stays_so() -> None:
    keys = HotKeys()
    assert [keys.count("a") for _ in range(7)] == [False] * 4 + [True] * 3
    assert not keys.count("b")


def test_keys_are_forgotten_after_many_others_and_hot_ones_go_on_being_hot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_keys, "_MOST_COUNTED", 10)
    keys = HotKeys()
    for _ in range(5):
        keys.count("rare")
    for number in range(100):
        keys.count(number)
        keys.count("frequent")
    assert keys.count("frequent")
    assert not keys.count("rare")


def test_what_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_keys, "_MOST_COUNTED", 10)
    keys = HotKeys()
    for number in range(1000):
        keys.count(number)
    assert len(keys._recent) + len(keys._older) <= 22
