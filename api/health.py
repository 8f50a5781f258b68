"""Health that tells the truth: a node is ready once it has come all the way, and as long as its store answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial

import structlog

from cluster.invoker.flights import Flights
from model.errors import AuthzError, StorageFailed

log = structlog.get_logger(__name__)

Ping = Callable[[], Awaitable[None]]

PATIENCE_S = 5.0
"""For the store to answer a ping. One behind a network that swallows packets would not for half a minute, and longer
than this nobody waits for an answer that a check needs first."""


class Standing(Enum):
    """How it stands with a node, in words for people that tell nothing of what only its log should say.

    The way of a node is OPENING, JOINING and WARMING_UP if it is one of a cluster, SERVING, LEAVING.
    """

    OPENING = "opening the store"
    JOINING = "joining the cluster"
    WARMING_UP = "warming up"
    SERVING = "serving"
    UNREACHABLE = "the store does not answer"
    FAILING = "the store fails"
    LEAVING = "leaving"


class Health:
    """How it stands with a node now. ping: of its store; without it, the node is still on its way.

    ping_s: how long the store took to answer when last it was asked, or how long it was waited for.
    """

    def __init__(self, ping: Ping | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self._ping = ping
        self._patience_s = patience_s
        self._stage = Standing.SERVING if ping else Standing.OPENING
        self._flights: Flights[str, Standing] = Flights()
        self._found = Standing.SERVING
        self.ping_s = 0.0

    def __repr__(self) -> str:
        return f"<Health {self._stage.value}>"

    def reach(self, stage: Standing) -> None:
        """The node has come so far on its way, which has no way back."""
        if self._stage is not Standing.LEAVING:
            self._stage = stage

    def serve(self, ping: Ping) -> None:
        """The node serves: from now on it is ready whenever its store is."""
        self._ping = ping
        self.reach(Standing.SERVING)

    def leave(self) -> None:
        """From now on not ready, whatever the store says."""
        self.reach(Standing.LEAVING)

    @property
    def last_seen(self) -> Standing:
        """How it stood when last somebody looked; nobody waits for this."""
        return self._found if self._stage is Standing.SERVING else self._stage

    async def standing(self) -> Standing:
        """How it stands. SERVING only if the store has answered just now; who asks meanwhile shares the answer."""
        stage = self._stage
        if stage is not Standing.SERVING or self._ping is None:
            return stage
        found = await self._flights.join("ping", partial(self._look, self._ping))
        return Standing.LEAVING if self._is_leaving() else found

    async def is_serving(self) -> bool:
        """True if the node takes requests and its store works."""
        return await self.standing() is Standing.SERVING

    def _is_leaving(self) -> bool:
        return self._stage is Standing.LEAVING

    async def _look(self, ping: Ping) -> Standing:
        found, reason = Standing.SERVING, ""
        asked_at_s = time.monotonic()
        try:
            async with asyncio.timeout(self._patience_s):
                await ping()
        except (AuthzError, TimeoutError) as error:
            found = Standing.FAILING if isinstance(error, StorageFailed) else Standing.UNREACHABLE
            reason = str(error) or f"nothing was heard for {self._patience_s:g} s"
        self.ping_s = time.monotonic() - asked_at_s
        self._note(found, reason)
        return found

    def _note(self, found: Standing, reason: str) -> None:
        """Log what has changed, once: clients are not told the reason."""
        if found is not self._found and found is Standing.SERVING:
            log.info("the store answers again, the node is ready")
        elif found is not self._found:
            log.warning("the node is not ready", standing=found.value, reason=reason)
        self._found = found
