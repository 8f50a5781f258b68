"""The ways of asking: the same again and again, nothing twice, or a mixture with writes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

from bench.harness.ports import Ask, Write
from bench.harness.workloads.popularity import Popularity, picks
from bench.harness.workloads.scenario import Questions
from model.tuples import RelationTuple

HEAD = 1_000
"""The first numbers are for samples and for what is cached; what is never to be seen before comes after."""

KEYS = 500
"""How many asks a cache has to hold."""

SAMPLE = 100
LANES = 8


@dataclass(frozen=True, slots=True)
class Cached:
    """A few asks, again and again."""

    questions: Questions
    popularity: Popularity = "uniform"

    def warm_up(self) -> Iterator[Ask]:
        """Each once."""
        return iter(_first(self.questions, KEYS))

    def asks(self, *, share: int, shares: int) -> Iterator[Ask]:  # noqa: ARG002 - all ask for the same
        """Any of them, endlessly."""
        keys = _first(self.questions, KEYS)
        return (keys[number] for number in picks(len(keys), self.popularity, random.Random(share)))

    def sample(self) -> Iterator[Ask]:
        """Some of them."""
        return iter(_first(self.questions, SAMPLE))


@dataclass(frozen=True, slots=True)
class Unseen:
    """Every ask once, by whatever process. lane: of ``LANES``, for workloads that share a dataset; else there is one.

    head: how many numbers are left to the sample.
    """

    questions: Questions
    lane: int | None = None
    head: int = HEAD
    sampled: int = SAMPLE

    def warm_up(self) -> Iterator[Ask]:
        """Nothing."""
        return iter(())

    def asks(self, *, share: int, shares: int) -> Iterator[Ask]:
        """All after the head that fall to the lane and the share, until there are no more."""
        return _after(self.questions.numbered(), self.head, self.lane, share, shares)

    def sample(self) -> Iterator[Ask]:
        """Some of the head."""
        return iter(_first(self.questions, self.sampled))


@dataclass(frozen=True, slots=True)
class Mixed:
    """Four of five asks are cached and one is not; writes: how many of all there are besides, a ratio.

    They are grants to users nobody asks about, on any of so many documents: no verdict changes, so systems that got
    through more of them than others can still be compared; but caches that go by what was written lose answers.
    """

    questions: Questions
    documents: int
    writes: float
    lane: int

    def warm_up(self) -> Iterator[Ask]:
        """What is to be cached."""
        return iter(_first(self.questions, KEYS))

    def asks(self, *, share: int, shares: int) -> Iterator[Ask]:
        """Until nothing new is left to be asked."""
        chance = random.Random(share)
        numbered = self.questions.numbered()
        keys = _keys(numbered, KEYS)
        unseen = _after(numbered, HEAD, self.lane, share, shares)
        for written in count():
            while chance.random() >= self.writes:
                if chance.random() < _CACHED_RATIO:
                    yield chance.choice(keys)
                elif (ask := next(unseen, None)) is None:
                    return
                else:
                    yield ask
            yield self._grant(chance, f"w{self.lane}-{share}-{written}")

    def sample(self) -> Iterator[Ask]:
        """Some of what is cached."""
        return iter(_first(self.questions, SAMPLE))

    def _grant(self, chance: random.Random, user: str) -> Write:
        document = f"d{chance.randrange(self.documents)}"
        return Write((RelationTuple("document", document, "viewer", "user", user),), aside=True)


_CACHED_RATIO = 0.8


def _first(questions: Questions, many: int) -> Sequence[Ask]:
    return _keys(questions.numbered(), many)


def _keys(numbered: Callable[[int], Ask | None], many: int) -> Sequence[Ask]:
    found = (ask for number in range(HEAD) if (ask := numbered(number)) is not None)
    return list(islice(found, many))


def _after(
    numbered: Callable[[int], Ask | None], head: int, lane: int | None, share: int, shares: int
) -> Iterator[Ask]:
    lanes = 1 if lane is None else LANES
    for number in count(head + (lane or 0) + share * lanes, shares * lanes):
        try:
            ask = numbered(number)
        except IndexError:
            return
        if ask is not None:
            yield ask
