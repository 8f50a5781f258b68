"""What this node answers itself: from its cache if it can, else by the engine, once for all who ask the same."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from cluster.invoker.answers import Answered, Evidence
from cluster.invoker.cache import AnswerCache, CacheCounts, Entry
from cluster.invoker.chronicle import Chronicle
from cluster.invoker.dependencies import DependencyRecorder
from cluster.invoker.flights import Flights
from cluster.invoker.heads import Heads
from cluster.invoker.keys import CacheKey, cache_key, digest_of
from cluster.invoker.pins import Pinned, Pins
from engine.check import check
from engine.check_many import MANY, check_many
from engine.tally import Tallies, Tally
from model.check import CheckAnswer, CheckRequest
from model.snapshot import Snapshot
from storage.base import SnapshotReader
from telemetry.spans import current_span, note

CACHE = "ringward.cache"
"""The attribute of a traced check that says where its answer came from: hit, near, miss, joined."""


class LocalAnswers:
    """Fulfils ``OwnAnswers`` with the store, the engine and a cache. Used from one event loop.

    tallies: what its evaluations have cost. flights: the questions they look into.
    """

    def __init__(self, reader: SnapshotReader, heads: Heads, pins: Pins, cache: AnswerCache) -> None:
        self._reader = reader
        self._heads = heads
        self._pins = pins
        self._cache = cache
        self.tallies = Tallies()
        self.flights: Flights[tuple[CacheKey, int, Snapshot, Chronicle], Entry] = Flights()

    @property
    def cached(self) -> CacheCounts:
        """The figures of the cache at this moment."""
        return self._cache.counts

    async def answer(self, request: CheckRequest, *, wants_evidence: bool = False) -> Answered:
        """See OwnAnswers. Raises as ``Pins.pin`` and ``engine.check``; what fails for one question is in its answer."""
        pinned = await self._pins.pin(request.tenant, request.snap_token, request.schema_version)
        return await self.answer_at(pinned, request, wants_evidence=wants_evidence)

    async def answer_at(self, pinned: Pinned, request: CheckRequest, *, wants_evidence: bool = False) -> Answered:
        """Answer at what was pinned, whatever token and version the request names. Raises as ``engine.check``."""
        if pinned.chronicle is None:
            answers = await _evaluate(self._reader, pinned, request, self.tallies)
            return Answered(answers, pinned.snapshot, pinned.schema_version)
        return await self._answer(_Asked(request, pinned, pinned.chronicle), wants_evidence=wants_evidence)

    async def recall(self, request: CheckRequest) -> Answered | None:
        """The answer to a single question if the cache has it, else None. Raises as ``Pins.pin``."""
        pinned = await self._pins.pin(request.tenant, request.snap_token, request.schema_version)
        if pinned.chronicle is None:
            return None
        asked = _Asked(request, pinned, pinned.chronicle)
        found = self._find(asked, asked.keys[0])
        return None if found is None else asked.answered([found])

    async def adopt(self, request: CheckRequest, answered: Answered) -> None:
        """Keep another node's answer to a single question, given with its evidence. Raises as ``Heads.latest``."""
        evidence, version = answered.evidence, answered.schema_version
        assert evidence, "an answer without evidence is nobody else's"
        chronicle = await self._heads.latest(request.tenant)
        (key,) = _keys_of(request, version)
        self._cache.adopt(key, request.depth, answered.answers[0], evidence, chronicle)

    def may_recall(self, request: CheckRequest, schema_version: str) -> bool:
        """True if the cache has anything for a single question under a schema version."""
        return self._cache.has(_keys_of(request, schema_version)[0])

    async def _answer(self, asked: _Asked, *, wants_evidence: bool) -> Answered:
        if len(asked.keys) > 1:
            return asked.answered(await self._several(asked))
        entry = self._find(asked, asked.keys[0])
        if (span := current_span()) is not None:
            span.note(CACHE, "miss" if entry is None else "hit")
        if entry is None:
            flight = (asked.keys[0], asked.request.depth, asked.pinned.snapshot, asked.chronicle)
            if flight in self.flights:
                note(CACHE, "joined")
            entry = await self.flights.join(flight, partial(self._look_into, asked))
        return asked.answered([entry], entry.evidence() if wants_evidence else None)

    async def _look_into(self, asked: _Asked) -> Entry:
        (entry,) = await self._kept(asked, asked.request, asked.keys)
        return entry

    async def _several(self, asked: _Asked) -> list[Entry]:
        """Questions asked together; those that are not cached are looked into together, and depend on the same."""
        entries = {key: self._find(asked, key) for key in asked.keys}
        questions = zip(asked.keys, asked.request.questions, strict=True)
        note("ringward.cache.hits", sum(entry is not None for entry in entries.values()))
        if missing := {key: question for key, question in questions if entries[key] is None}:
            rest = replace(asked.request, questions=tuple(missing.values()))
            entries |= zip(missing, await self._kept(asked, rest, list(missing)), strict=True)
        return [entry for key in asked.keys if (entry := entries[key])]

    def _find(self, asked: _Asked, key: CacheKey) -> Entry | None:
        return self._cache.find(key, asked.request.depth, asked.pinned.snapshot, asked.chronicle)

    async def _kept(self, asked: _Asked, request: CheckRequest, keys: Sequence[CacheKey]) -> list[Entry]:
        """Entries for some of the questions, found by the engine and kept for others."""
        recorder = DependencyRecorder(self._reader)
        snapshot, chronicle = asked.pinned.snapshot, asked.chronicle
        answers = await _evaluate(recorder, asked.pinned, request, self.tallies)
        evidence = Evidence(snapshot, snapshot, chronicle.history, array("Q", recorder.keys()))
        entries = [Entry(answer, request.depth, evidence, chronicle) for answer in answers]
        for key, entry in zip(keys, entries, strict=True):
            self._cache.keep(key, entry)
        return entries


class _Asked:
    """A request, what it is answered at, and the keys of its questions, aligned with them."""

    __slots__ = ("chronicle", "keys", "pinned", "request")

    def __init__(self, request: CheckRequest, pinned: Pinned, chronicle: Chronicle) -> None:
        self.request = request
        self.pinned = pinned
        self.chronicle = chronicle
        self.keys = _keys_of(request, pinned.schema_version)

    def answered(self, entries: Sequence[Entry], evidence: Evidence | None = None) -> Answered:
        """The answers of some entries, aligned with the questions."""
        answers = [entry.answer for entry in entries]
        return Answered(answers, self.pinned.snapshot, self.pinned.schema_version, evidence)


def _keys_of(request: CheckRequest, schema_version: str) -> list[CacheKey]:
    digest = digest_of(request.context)
    return [cache_key(request.tenant, schema_version, digest, question) for question in request.questions]


async def _evaluate(
    reader: SnapshotReader, pinned: Pinned, request: CheckRequest, tallies: Tallies
) -> Sequence[CheckAnswer]:
    ask = check if len(request.questions) < MANY else check_many
    tally = Tally()
    try:
        return await ask(reader, pinned.plan, pinned.snapshot, request, tally)
    finally:
        tallies.add(tally)
