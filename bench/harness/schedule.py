"""When requests are meant to start: pure values, equal for equal seeds.

An open loop sends at its rate whatever the system does, as the world does; latency counts from the intended start, so a
system that stalls is charged with everybody who had to wait (no coordinated omission). A closed loop has a number of
callers, each of whom asks again once answered: it finds the throughput, and hides stalls.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Arrivals = Literal["constant", "poisson"]

_TURNS_APART = 1_000_003  # no turn has the seed of another's share


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests at a rate. most_open: beyond so many without an answer, requests are dropped, and counted.

    phase: how much of the time between two requests passes before the first one, of constant arrivals.
    """

    rate_per_s: float
    arrivals: Arrivals = "poisson"
    most_open: int = 2_000
    seed: int = 1
    phase: float = 0.0

    def starts_s(self, duration_s: float) -> Iterator[float]:
        """Intended starts within a stretch, ascending, counted from its beginning."""
        return self._constant(duration_s) if self.arrivals == "constant" else self._poisson(duration_s)

    def shares(self, count: int) -> tuple[OpenLoop, ...]:
        """So many loops that have the same arrivals when run side by side: exactly if constant, else alike."""
        return tuple(
            replace(
                self,
                rate_per_s=self.rate_per_s / count,
                most_open=-(-self.most_open // count),
                seed=self.seed * count + number,
                phase=(self.phase + number) / count,
            )
            for number in range(count)
        )

    def at_turn(self, turn: int) -> OpenLoop:
        """The loop of a turn: other arrivals, equally likely, the same for all systems."""
        return replace(self, seed=self.seed + _TURNS_APART * turn)

    def _constant(self, duration_s: float) -> Iterator[float]:
        number = 0
        while (at_s := (number + self.phase) / self.rate_per_s) < duration_s:
            yield at_s
            number += 1

    def _poisson(self, duration_s: float) -> Iterator[float]:
        chance = random.Random(self.seed)
        at_s = chance.expovariate(self.rate_per_s)
        while at_s < duration_s:
            yield at_s
            at_s += chance.expovariate(self.rate_per_s)


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """So many callers, each asking again once answered."""

    callers: int

    def at_turn(self, turn: int) -> ClosedLoop:  # noqa: ARG002 - as an open loop has it
        """The loop of a turn: the same."""
        return self

    def shares(self, count: int) -> tuple[ClosedLoop, ...]:
        """The callers spread over so many generators, as evenly as can be; none is left without a caller."""
        used = min(count, self.callers)
        return tuple(ClosedLoop(self.callers // used + (number < self.callers % used)) for number in range(used))


Schedule = OpenLoop | ClosedLoop


@dataclass(frozen=True, slots=True)
class Stretch:
    """Load for so long, after load that does not count."""

    schedule: Schedule
    warm_up_s: float
    duration_s: float
