"""How much callers may ask: so many calls a second, and so many at once.

Both turn a call away at once instead of letting it wait: a queue in front of a node that is too slow only makes every
answer late, and the client learns nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cluster.redis_server import RedisServer
from model.errors import LimitExceeded

PLACE_RETRY_S = 1.0
_ONE = 1 - 1e-6  # whoever waits as long as told must not fail by what floats round off


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What a node accepts from all its clients together; 0 or less means no limit.

    calls_per_s: also how many may come at one instant after a quiet second. calls_at_once and streams_at_once: calls
    that have been admitted and not answered yet; raise them if callers wait long for good reasons (deep walks, many
    watchers), at the price of memory: some 20 KiB per call, more for large requests. shared_in: the Redis through which
    all nodes of a cluster keep calls_per_s together; without one n nodes accept n times as many.
    """

    calls_per_s: int = 10_000
    calls_at_once: int = 10_000
    streams_at_once: int = 10_000
    shared_in: RedisServer | None = None


class TokenBucket:
    """``per_s`` tokens, refilled at ``per_s`` a second; each call takes one. Source: reference wire-api §9, W-16.

    refused: how many calls found none.
    """

    def __init__(self, per_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_s = per_s
        self.refused = 0
        self._clock = clock
        self._tokens = float(per_s)
        self._counted_at_s = clock()

    def __repr__(self) -> str:
        return f"<TokenBucket {self._tokens:.0f} of {self.per_s}>"

    def take(self, rpc: str) -> None:
        """Take a token. Raises LimitExceeded, saying when the next one is there, if there is none."""
        if self.per_s <= 0:
            return
        now_s = self._clock()
        tokens = min(self.per_s, self._tokens + (now_s - self._counted_at_s) * self.per_s)
        self._counted_at_s = now_s
        if tokens < _ONE:
            self._tokens = tokens
            self.refused += 1
            text = f"{rpc} is rejected: this node accepts {self.per_s} calls per second, please retry later"
            raise LimitExceeded(text, retry_after_s=(1 - tokens) / self.per_s)
        self._tokens = tokens - 1

    def give_back(self) -> None:
        """Give back a token taken before, for a call that was turned away elsewhere."""
        self._tokens = min(self.per_s, self._tokens + 1)


class Places:
    """Room for ``most`` calls at once; who takes a place gives it back. refused: how many calls found none."""

    def __init__(self, most: int, what: str) -> None:
        self.most = most
        self.refused = 0
        self._what = what
        self._taken = 0

    def __repr__(self) -> str:
        return f"<Places {self._taken} of {self.most} {self._what}>"

    @property
    def taken(self) -> int:
        """How many are in use now."""
        return self._taken

    def take(self, rpc: str) -> None:
        """Take a place. Raises LimitExceeded at once if all are in use."""
        if 0 < self.most <= self._taken:
            self.refused += 1
            text = f"{rpc} is rejected: this node has {self.most} {self._what} in progress, please retry later"
            raise LimitExceeded(text, retry_after_s=PLACE_RETRY_S)
        self._taken += 1

    def give_back(self) -> None:
        """Give back a place taken before."""
        self._taken -= 1
