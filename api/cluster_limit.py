"""How much callers may ask of all nodes together: tokens from a bucket the nodes share, each call taking one.

Every call has passed its node's own limit before. So whenever the shared bucket cannot be had, nothing needs to be done
but to let the call through: then each node keeps the limit by itself, and the log says so once. A call waits for at
most two trips, the one under way when it comes and the one made for it, and only where the node had not drawn enough
ahead (``token_stock.py``). While the bucket is away nobody waits for it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from api.limits import LimitSettings
from api.redis_tokens import Draw, RedisTokens
from api.token_stock import TokenStock
from model.errors import LimitExceeded, Unavailable

log = structlog.get_logger(__name__)

_TRIP_S = 0.05
_CONNECT_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0


class SharedTokens(Protocol):
    """A bucket of tokens that others draw from too."""

    async def draw(self, tokens: int, *, within_s: float) -> Draw:
        """So many tokens or as many as there are; none may be asked for as well. Raises Unavailable, also if late."""


class ClusterLimit:
    """Admits a call if the cluster has a token for it. ``keep_filled`` must run beside.

    refused: how many calls the cluster had no token for.
    trip_s: after how long without an answer the bucket is away; no call is kept waiting for longer than twice that.
    pause_s: how long a bucket that is away is left alone at first; each time twice as long, up to half a minute.
    """

    def __init__(
        self,
        tokens: SharedTokens,
        per_s: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        trip_s: float = _TRIP_S,
        pause_s: float = _FIRST_PAUSE_S,
    ) -> None:
        self._tokens = tokens
        self._per_s = per_s
        self._clock = clock
        self._trip_s = trip_s
        self._pause_s = pause_s
        self._stock = TokenStock(per_s, clock())
        self._waiting: deque[asyncio.Future[float]] = deque()  # each is told for how long it is refused, 0 for not
        self._is_needed = asyncio.Event()
        self._is_away = True
        self.refused = 0

    def __repr__(self) -> str:
        return f"<ClusterLimit {'away' if self._is_away else self._stock}>"

    @property
    def is_away(self) -> bool:
        """Whether the shared bucket cannot be had now, so that each node keeps the limit by itself."""
        return self._is_away

    async def take(self, rpc: str) -> None:
        """Take a token. Raises LimitExceeded, saying when the next one may be there, if the cluster has none."""
        if self._is_away:
            return
        now_s = self._clock()
        if self._stock.ask(now_s):
            if self._stock.is_low(now_s):
                self._is_needed.set()
            return
        refused_s = self._stock.pause_s(now_s) or await self._told()
        if refused_s:
            self.refused += 1
            text = f"{rpc} is rejected: the cluster accepts {self._per_s} calls per second, please retry later"
            raise LimitExceeded(text, retry_after_s=refused_s)

    async def keep_filled(self) -> None:
        """Draw tokens as they are needed, until cancelled."""
        while True:
            if self._is_away:
                await self._come_back()
            await self._is_needed.wait()
            self._is_needed.clear()
            try:
                await self._draw()
            except Unavailable:
                self._is_away = True
                self._let_go()

    async def _told(self) -> float:
        """What a call that waits is told in the end."""
        waiter: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._is_needed.set()
        return await waiter

    async def _draw(self) -> None:
        drawn_at_s = self._clock()
        asked = self._stock.draws(len(self._waiting), drawn_at_s)
        if asked:
            draw = await self._tokens.draw(asked, within_s=self._trip_s)
            self._stock.drawn(
                draw.tokens, asked=asked, drawn_at_s=drawn_at_s, next_in_s=draw.next_in_s, now_s=self._clock()
            )
        self._hand_out()

    def _hand_out(self) -> None:
        """Answer those who wait, in order; some of them may have come during the trip and need another."""
        now_s = self._clock()
        while self._waiting:
            if self._waiting[0].done():  # it has been cancelled
                self._waiting.popleft()
            elif self._stock.take(now_s):
                self._waiting.popleft().set_result(0.0)
            elif pause_s := self._stock.pause_s(now_s):
                self._waiting.popleft().set_result(pause_s)
            else:
                self._is_needed.set()
                return

    def _let_go(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(0.0)
        self._waiting.clear()

    async def _come_back(self) -> None:
        """Return once the bucket can be had. One slow trip may be our own fault, so it is asked again before a word."""
        pause_s = self._pause_s
        is_told = False
        while True:
            try:
                await self._tokens.draw(0, within_s=_CONNECT_S)
                break
            except Unavailable as error:
                if not is_told:
                    log.warning("the cluster's rate limit cannot be kept, each node keeps it alone", reason=str(error))
                    is_told = True
            await asyncio.sleep(pause_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads the nodes, hides nothing
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        if is_told:
            log.info("the cluster's rate limit is kept again")
        self._is_away = False


@asynccontextmanager
async def opened_cluster_limit(settings: LimitSettings) -> AsyncIterator[ClusterLimit | None]:
    """The limit all nodes share while the context lasts; None if there is none."""
    if settings.shared_in is None or settings.calls_per_s <= 0:
        yield None
        return
    async with settings.shared_in.connected(_CONNECT_S) as redis:
        yield ClusterLimit(RedisTokens(settings.shared_in, redis, settings.calls_per_s), settings.calls_per_s)
