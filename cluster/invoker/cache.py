"""Answers kept with the interval of snapshots they hold in.

An answer holds at S exactly when S covers ``since``, the snapshot it was found at, and ``until`` covers S. ``until`` is
moved on when a later snapshot is asked for and the chronicle knows that nothing the answer depends on has been touched
in between: lazily, so that a write costs nothing here however many answers it ends. Why no stale answer can be given:
docs/adr/0010-the-exact-cache.md.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from cachetools import Cache, LRUCache

from cluster.invoker.answers import Evidence
from cluster.invoker.chronicle import Chronicle
from cluster.invoker.keys import CacheKey
from model.check import CheckAnswer, Verdict
from model.snapshot import Snapshot

_ENTRY_BYTES = 1_000  # an entry, its key and its place in the cache, without what is counted below
_BYTES_PER_DEPENDENCY = 8


class Entry:
    """One answer and what makes it hold.

    depth: of the request it was found for; one with less might not reach it. chronicle: which tells what was touched,
    and whose history both snapshots belong to. step: of the chronicle, from which on touches matter; None if that
    is too long ago to tell, and ``until`` stays where it is. times_given: how often the cache gave it.
    """

    __slots__ = ("answer", "chronicle", "depth", "keys", "since", "step", "times_given", "until")

    def __init__(self, answer: CheckAnswer, depth: int, evidence: Evidence, chronicle: Chronicle) -> None:
        self.answer = answer
        self.depth = depth
        self.since = evidence.since
        self.until = evidence.until
        self.keys = evidence.keys if isinstance(evidence.keys, array) else array("Q", evidence.keys)
        self.chronicle = chronicle
        self.step = chronicle.step_at(evidence.until)
        chronicle.is_relied_on = True
        self.times_given = 0

    def holds_at(self, snapshot: Snapshot) -> bool:
        """True if it is known to be the answer at a snapshot of the chronicle's history."""
        if snapshot is self.until:
            return True
        if not snapshot.covers(self.since):
            return False
        return self.until.covers(snapshot) or (self._moves_on() and self.until.covers(snapshot))

    def evidence(self) -> Evidence:
        """What another node needs to keep this answer too."""
        return Evidence(self.since, self.until, self.chronicle.history, self.keys)

    def lives(self) -> bool:
        """True if it holds at the present head of its chronicle, as far as is known."""
        return self.until is self.chronicle.head.snapshot or self._moves_on()

    def _moves_on(self) -> bool:
        """Move ``until`` on to the present head, if nothing was touched up to there."""
        chronicle = self.chronicle
        present = chronicle.head.snapshot
        if self.step is None or not chronicle.is_untouched_since(self.step, self.keys):
            return False
        if not present.covers(self.until):
            return False  # another node has heard more than this one
        self.until, self.step = present, chronicle.steps
        return True


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What a cache holds now, and how often it was asked, and gave an answer, since the node started.

    closed: how often it had one that does not hold at the snapshot asked for, since something it depends on has been
    written, or for other reasons. evicted: answers that made room for others.
    """

    answers: int = 0
    size_bytes: int = 0
    asked: int = 0
    given: int = 0
    closed: int = 0
    evicted: int = 0


class AnswerCache:
    """The most recently asked answers, within some memory. Used from one event loop.

    max_bytes: about how much memory entries take, their own bookkeeping included. max_entries: at most so many.
    """

    def __init__(self, *, max_bytes: int, max_entries: int) -> None:
        self._entries = _Entries(max_bytes, getsizeof=_size_of)
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self._asked = self._given = self._closed = 0

    def find(self, key: CacheKey, depth: int, snapshot: Snapshot, chronicle: Chronicle) -> Entry | None:
        """The entry that answers a question at a snapshot of a chronicle's history, for a request of some depth."""
        self._asked += 1
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.chronicle is not chronicle or entry.depth > depth or not entry.holds_at(snapshot):
            self._closed += 1
            return None
        entry.times_given += 1
        self._given += 1
        return entry

    def keep(self, key: CacheKey, entry: Entry) -> None:
        """Keep an answer in place of one that is worth less. Only verdicts are kept: a failure is none."""
        if not isinstance(entry.answer.outcome, Verdict):
            return
        known = self._entries.get(key)
        if known is not None and known.chronicle is entry.chronicle and known.lives() and not entry.lives():
            return
        if len(self._entries) >= self.max_entries and known is None:
            self._entries.popitem()
        if _size_of(entry) <= self._entries.maxsize:
            self._entries[key] = entry

    def adopt(self, key: CacheKey, depth: int, answer: CheckAnswer, evidence: Evidence, chronicle: Chronicle) -> None:
        """Keep another node's answer, unless its evidence is of another history than the chronicle."""
        if evidence.history == chronicle.history:
            self.keep(key, Entry(answer, depth, evidence, chronicle))

    def has(self, key: CacheKey) -> bool:
        """True if there is any entry for a question; it need not hold any more."""
        return key in self._entries

    def keys(self) -> Sequence[CacheKey]:
        """The keys of all entries at this moment."""
        return list(self._entries)

    def look_at(self, key: CacheKey) -> Entry | None:
        """The entry for a question, alive or not; looking does not count as asking."""
        return Cache.__getitem__(self._entries, key) if key in self._entries else None

    @property
    def counts(self) -> CacheCounts:
        """The figures at this moment."""
        return CacheCounts(
            answers=len(self._entries),
            size_bytes=round(self._entries.currsize),
            asked=self._asked,
            given=self._given,
            closed=self._closed,
            evicted=self._entries.evicted,
        )

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        used, most = self._entries.currsize, self._entries.maxsize
        return f"AnswerCache({len(self._entries)} answers, {used / 2**20:.1f} of {most / 2**20:.1f} MiB)"


class _Entries(LRUCache[CacheKey, Entry]):
    """Counts what it lets go of."""

    evicted = 0

    def popitem(self) -> tuple[CacheKey, Entry]:
        self.evicted += 1
        return super().popitem()


def _size_of(entry: Entry) -> int:
    return _ENTRY_BYTES + _BYTES_PER_DEPENDENCY * len(entry.keys)
