"""The ways of asking, over questions that are numbers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import pytest

from bench.harness.ports import Ask, Check, Write
from bench.harness.workloads.popularity import picks
from bench.harness.workloads.scripts import HEAD, KEYS, LANES, SAMPLE, Cached, Mixed, Unseen
from model.check import Question
from model.tuples import EntityRef, SubjectRef


@dataclass(frozen=True)
class Numbers:
    """So many questions, each about the number it is; every seventh is left out."""

    count: int = 10_000

    def numbered(self) -> Callable[[int], Check | None]:
        def ask(number: int) -> Check | None:
            if number >= self.count:
                raise IndexError(number)
            entity = EntityRef("document", str(number))
            return None if number % 7 == 0 else Check(Question(entity, "view", SubjectRef("user", "ann")))

        return ask


def numbers_of(asks: object) -> list[int]:
    assert isinstance(asks, list)
    return [int(ask.question.entity.id) for ask in asks if isinstance(ask, Check)]


def present(numbers: range) -> list[int]:
    return [number for number in numbers if number % 7]


def test_what_is_cached_is_warmed_up_once_each_and_then_asked_again_and_again() -> None:
    script = Cached(Numbers())
    keys = numbers_of(list(script.warm_up()))
    assert keys == present(range(HEAD))[:KEYS]
    asked = Counter(numbers_of(list(islice(script.asks(share=0, shares=2), 20 * KEYS))))
    assert set(asked) == set(keys)
    assert max(asked.values()) < 60
    assert numbers_of(list(script.sample())) == keys[:SAMPLE]


def test_processes_ask_for_what_is_cached_in_orders_of_their_own() -> None:
    first, second = (numbers_of(list(islice(Cached(Numbers()).asks(share=it, shares=2), 50))) for it in (0, 1))
    assert first != second


def test_by_zipf_the_first_is_asked_for_twice_as_often_as_the_second() -> None:
    asked = Counter(islice(picks(100, "zipf", random.Random(1)), 100_000))
    assert asked[0] / asked[1] == pytest.approx(2, rel=0.1)
    assert asked[0] / asked[9] == pytest.approx(10, rel=0.15)
    assert set(asked) == set(range(100))


def test_uniformly_all_are_asked_for_about_equally_often() -> None:
    asked = Counter(islice(picks(10, "uniform", random.Random(1)), 100_000))
    assert all(count == pytest.approx(10_000, rel=0.05) for count in asked.values())


@pytest.mark.parametrize("shares", [1, 2, 3])
def test_processes_together_ask_each_question_once_until_there_are_no_more(shares: int) -> None:
    script = Unseen(Numbers(3_000))
    asked = [number for share in range(shares) for number in numbers_of(list(script.asks(share=share, shares=shares)))]
    assert sorted(asked) == present(range(HEAD, 3_000))
    assert not list(script.warm_up())
    assert numbers_of(list(script.sample())) == present(range(HEAD))[:SAMPLE]


def test_lanes_are_apart_and_together_are_all() -> None:
    lanes = [numbers_of(list(Unseen(Numbers(2_000), lane).asks(share=0, shares=1))) for lane in range(LANES)]
    assert sorted(number for lane in lanes for number in lane) == present(range(HEAD, 2_000))


def test_a_mixture_is_four_fifths_cached_and_the_rest_never_repeats() -> None:
    script = Mixed(Numbers(100_000), documents=50, writes=0.0, lane=3)
    asked = numbers_of(list(islice(script.asks(share=0, shares=1), 5_000)))
    keys = set(numbers_of(list(script.warm_up())))
    unseen = [number for number in asked if number not in keys]
    assert len(asked) == 5_000
    assert len(unseen) / len(asked) == pytest.approx(0.2, abs=0.02)
    assert len(set(unseen)) == len(unseen)
    assert set(unseen) <= set(numbers_of(list(Unseen(Numbers(100_000), 3).asks(share=0, shares=1))))


def test_a_mixture_has_its_share_of_writes_beside_and_each_is_new() -> None:
    script = Mixed(Numbers(100_000), documents=50, writes=0.1, lane=3)
    asks = [ask for share in range(2) for ask in islice(script.asks(share=share, shares=2), 5_000)]
    writes = [ask for ask in asks if isinstance(ask, Write)]
    assert len(writes) / len(asks) == pytest.approx(0.1, abs=0.02)
    assert all(ask.aside for ask in writes)
    rows = [row for ask in writes for row in ask.tuples]
    assert len(set(rows)) == len(rows) == len(writes)
    assert {int(row.entity_id[1:]) for row in rows} == set(range(50))
    assert not any(isinstance(ask, Write) for ask in (*script.warm_up(), *script.sample()))


def test_a_mixture_ends_when_nothing_new_is_left() -> None:
    script = Mixed(Numbers(HEAD + 80), documents=50, writes=0.5, lane=0)
    asks: list[Ask] = list(script.asks(share=0, shares=1))
    assert 20 < len(asks) < 2_000
