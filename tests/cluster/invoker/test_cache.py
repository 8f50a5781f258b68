"""Entries answer exactly within their interval, and the cache keeps those worth keeping, within its bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.invoker.answers import Evidence
from cluster.invoker.cache import AnswerCache, Entry
from cluster.invoker.chronicle import Chronicle
from cluster.invoker.keys import CacheKey
from model.check import CheckAnswer, Verdict
from model.errors import Unavailable
from model.snapshot import Snapshot
from storage.base import Head

ALLOWED, DENIED = CheckAnswer(Verdict.ALLOWED, 3), CheckAnswer(Verdict.DENIED, 2)
KEY: CacheKey = ("t1", "v1", "", "doc", "1", "view", "user", "ann", "")


def at(number: int) -> Snapshot:
    return Snapshot.at_commit(number)


@pytest.fixture
def chronicle() -> Chronicle:
    return Chronicle(Head(at(10), "v1"), "here")


@pytest.fixture
def cache() -> AnswerCache:
    return AnswerCache(max_bytes=100_000, max_entries=100)


def go_on(chronicle: Chronicle, number: int, *touched: int) -> None:
    chronicle.go_on(Head(at(number), "v1"), set(touched))


def entry_of(chronicle: Chronicle, number: int = 10, answer: CheckAnswer = ALLOWED, *, depth: int = 20) -> Entry:
    """An answer found at a snapshot, which depends on 1 and 2."""
    return Entry(answer, depth, Evidence(at(number), at(number), "here", (1, 2)), chronicle)


def holds(entry: Entry, *numbers: int) -> list[bool]:
    return [entry.holds_at(at(number)) for number in numbers]


# --- where an entry holds ---


def test_a_new_entry_holds_where_it_was_found(chronicle: Chronicle) -> None:
    assert holds(entry_of(chronicle), 9, 10, 11) == [False, True, False]


def test_it_is_carried_on_to_a_head_that_touched_nothing_of_it_and_to_all_before(chronicle: Chronicle) -> None:
    entry = entry_of(chronicle)
    go_on(chronicle, 20, 3)
    assert holds(entry, 20, 15, 10, 9, 21) == [True, True, True, False, False]


def test_it_ends_at_the_last_head_before_it_was_touched(chronicle: Chronicle) -> None:
    entry = entry_of(chronicle)
    go_on(chronicle, 20, 3)
    assert holds(entry, 20) == [True]
    go_on(chronicle, 30, 2)
    assert holds(entry, 10, 20, 21, 30) == [True, True, False, False]
    assert not entry.lives()


def test_nobody_having_asked_meanwhile_it_ends_where_it_was_found(chronicle: Chronicle) -> None:
    entry = entry_of(chronicle)
    go_on(chronicle, 20, 3)
    go_on(chronicle, 30, 2)
    assert holds(entry, 30, 20, 10) == [False, False, True]


def test_an_answer_found_late_is_carried_on_from_where_it_was_found(chronicle: Chronicle) -> None:
    go_on(chronicle, 20, 2)
    go_on(chronicle, 30, 3)
    assert holds(entry_of(chronicle, 10), 10, 20, 30) == [True, False, False]
    assert holds(entry_of(chronicle, 20), 20, 30) == [True, True]
    assert holds(entry_of(chronicle, 25), 24, 25, 30) == [False, True, True]


def test_one_found_before_the_chronicle_begins_holds_there_alone(chronicle: Chronicle) -> None:
    assert holds(entry_of(chronicle, 9), 8, 9, 10) == [False, True, False]


def test_snapshots_that_only_look_newer_are_not_covered(chronicle: Chronicle) -> None:
    entry = entry_of(chronicle, 10)
    go_on(chronicle, 20, 3)
    lacking_ten = Snapshot(10, 15, frozenset({10}))
    beyond_in_part = Snapshot(20, 22, frozenset({20}))
    assert not entry.holds_at(lacking_ten)
    assert not entry.holds_at(beyond_in_part)


def test_another_nodes_answer_that_is_ahead_of_us_holds_up_to_there(chronicle: Chronicle) -> None:
    ahead = Entry(ALLOWED, 20, Evidence(at(5), at(15), "here", (1, 2)), chronicle)
    assert holds(ahead, 4, 5, 10, 15, 16) == [False, True, True, True, False]
    go_on(chronicle, 14, 3)
    assert holds(ahead, 14, 15) == [True, True]
    go_on(chronicle, 20, 3)
    assert holds(ahead, 20) == [True]


def test_evidence_gives_another_node_all_it_needs(chronicle: Chronicle) -> None:
    entry = entry_of(chronicle)
    go_on(chronicle, 20, 3)
    assert entry.lives()
    evidence = entry.evidence()
    assert (evidence.since, evidence.until, evidence.history, list(evidence.keys)) == (at(10), at(20), "here", [1, 2])


def test_a_chronicle_knows_that_it_is_relied_on_until_all_is_lost(chronicle: Chronicle) -> None:
    known = [chronicle.is_relied_on]
    entry_of(chronicle)
    known.append(chronicle.is_relied_on)
    chronicle.go_on(Head(at(20), "v1"), None)
    known.append(chronicle.is_relied_on)
    assert known == [False, True, False]


# --- what the cache gives and keeps ---


def test_it_gives_what_holds_at_the_snapshot_asked_for(cache: AnswerCache, chronicle: Chronicle) -> None:
    assert cache.find(KEY, 20, at(10), chronicle) is None
    cache.keep(KEY, entry_of(chronicle))
    found = cache.find(KEY, 20, at(10), chronicle)
    assert found
    assert (found.answer, found.times_given) == (ALLOWED, 1)
    assert cache.find(KEY, 20, at(11), chronicle) is None
    assert cache.find((*KEY, "argument"), 20, at(10), chronicle) is None


def test_an_answer_of_another_chronicle_is_none(cache: AnswerCache, chronicle: Chronicle) -> None:
    cache.keep(KEY, entry_of(chronicle))
    other = Chronicle(chronicle.head, chronicle.history)
    assert cache.find(KEY, 20, at(10), other) is None


@pytest.mark.parametrize(("depth", "is_given"), [(19, False), (20, True), (21, True)])
def test_an_answer_is_for_requests_that_allow_as_much_depth(
    cache: AnswerCache, chronicle: Chronicle, depth: int, is_given: bool
) -> None:
    cache.keep(KEY, entry_of(chronicle, depth=20))
    assert (cache.find(KEY, depth, at(10), chronicle) is not None) == is_given


def test_a_failure_is_not_kept(cache: AnswerCache, chronicle: Chronicle) -> None:
    cache.keep(KEY, entry_of(chronicle, answer=replace(ALLOWED, outcome=Unavailable("no"))))
    assert len(cache) == 0


def test_an_answer_for_long_ago_does_not_replace_one_for_now(cache: AnswerCache, chronicle: Chronicle) -> None:
    go_on(chronicle, 20, 1)
    cache.keep(KEY, entry_of(chronicle, 20, DENIED))
    cache.keep(KEY, entry_of(chronicle, 10, ALLOWED))
    assert cache.find(KEY, 20, at(20), chronicle)
    assert cache.find(KEY, 20, at(10), chronicle) is None


def test_an_answer_for_now_replaces_one_for_long_ago(cache: AnswerCache, chronicle: Chronicle) -> None:
    go_on(chronicle, 20, 1)
    cache.keep(KEY, entry_of(chronicle, 10, ALLOWED))
    cache.keep(KEY, entry_of(chronicle, 20, DENIED))
    found = cache.find(KEY, 20, at(20), chronicle)
    assert found
    assert found.answer == DENIED


def test_the_least_recently_asked_goes_first(chronicle: Chronicle) -> None:
    cache = AnswerCache(max_bytes=100_000, max_entries=2)
    for name in ("a", "b"):
        cache.keep((name,), entry_of(chronicle))
    assert cache.find(("a",), 20, at(10), chronicle)
    cache.keep(("c",), entry_of(chronicle))
    assert [cache.has((name,)) for name in "abc"] == [True, False, True]


def test_memory_is_bounded_and_what_is_too_large_is_not_kept(chronicle: Chronicle) -> None:
    cache = AnswerCache(max_bytes=5_000, max_entries=1_000)
    for number in range(100):
        cache.keep((str(number),), entry_of(chronicle))
    assert 1 < len(cache) < 6
    huge = Evidence(at(10), at(10), "here", range(10_000))
    cache.keep(("huge",), Entry(ALLOWED, 20, huge, chronicle))
    assert not cache.has(("huge",))
    assert len(cache) > 1


def test_looking_is_not_asking(chronicle: Chronicle) -> None:
    cache = AnswerCache(max_bytes=100_000, max_entries=2)
    for name in ("a", "b"):
        cache.keep((name,), entry_of(chronicle))
    looked_at = cache.look_at(("a",))
    assert looked_at
    assert looked_at.times_given == 0
    cache.keep(("c",), entry_of(chronicle))
    assert not cache.has(("a",))
    assert cache.look_at(("a",)) is None


def test_what_it_was_asked_and_what_it_had_is_counted(chronicle: Chronicle) -> None:
    cache = AnswerCache(max_bytes=100_000, max_entries=1)
    assert cache.find(KEY, 20, at(10), chronicle) is None
    cache.keep(KEY, entry_of(chronicle))
    assert cache.find(KEY, 20, at(10), chronicle)
    go_on(chronicle, 20, 1)
    assert cache.find(KEY, 20, at(20), chronicle) is None
    cache.keep(("other",), entry_of(chronicle))
    counts = cache.counts
    assert (counts.asked, counts.given, counts.closed, counts.evicted, counts.answers) == (3, 1, 1, 1, 1)
    assert counts.size_bytes > 0
