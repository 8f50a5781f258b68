"""Warming up: a node that joins takes over the hottest answers for the keys it will own, from those who own them now.

Answers come with their evidence, so they stay exact on the node that takes them over, however old they are by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nlargest

from cluster.invoker.answers import Evidence
from cluster.invoker.cache import AnswerCache, Entry
from cluster.invoker.chronicle import Chronicle
from cluster.invoker.heads import Heads
from cluster.invoker.keys import CacheKey, tenant_of
from model.check import CheckAnswer

_KEYS_PER_TURN = 100  # looked at between two turns of the loop; some 5 µs each


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A cached answer as another node can keep it: the question's key, the depth it was found within, its evidence."""

    key: CacheKey
    depth: int
    answer: CheckAnswer
    evidence: Evidence


class WarmUp:
    """Gives and takes answers of one node's cache. given and taken: how many so far."""

    def __init__(self, cache: AnswerCache, heads: Heads) -> None:
        self.given = self.taken = 0
        self._cache = cache
        self._heads = heads

    async def hottest(self, is_wanted: Callable[[CacheKey], bool], most: int) -> Sequence[KeptAnswer]:
        """Of the answers that still hold, those to wanted keys that were given most often, at most so many."""
        found: list[tuple[CacheKey, Entry]] = []
        keys = self._cache.keys()
        for start in range(0, len(keys), _KEYS_PER_TURN):
            wanted = (key for key in keys[start : start + _KEYS_PER_TURN] if is_wanted(key))
            found += [(key, entry) for key in wanted if (entry := self._cache.look_at(key)) and entry.lives()]
            await asyncio.sleep(0)
        hottest = nlargest(most, found, key=lambda item: item[1].times_given)
        self.given += len(hottest)
        return [KeptAnswer(key, entry.depth, entry.answer, entry.evidence()) for key, entry in hottest]

    async def take_over(self, answers: Sequence[KeptAnswer]) -> None:
        """Keep the answers of another node. Raises as ``Heads.latest``."""
        self.taken += len(answers)
        chronicles: dict[str, Chronicle] = {}
        for answer in answers:
            tenant = tenant_of(answer.key)
            if (chronicle := chronicles.get(tenant)) is None:
                chronicle = chronicles[tenant] = await self._heads.latest(tenant)
            self._cache.adopt(answer.key, answer.depth, answer.answer, answer.evidence, chronicle)
