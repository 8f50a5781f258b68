"""What waits to be sent to a collector, and the loop that sends it: nothing else in a node ever waits for it.

    put ─▸ waiting ── enough of it, or a while ──▸ a batch ── taken ──▸ sent
                │                                   │  ▴
       no room: the oldest is lost                  └──┘ not taken: a growing pause, then again; or lost

A collector that is down, slow or wrong costs what is lost, one warning when that begins and a line when it is over.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")


class NotTaken(Exception):
    """A batch was not taken, and why. may_come_again: it may be later. items: how many of it, if not all."""

    def __init__(self, reason: str, *, may_come_again: bool, items: int | None = None) -> None:
        super().__init__(reason)
        self.may_come_again = may_come_again
        self.items = items


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """Bounds of what is sent.

    most_waiting: items kept; beyond it the oldest are lost. most_per_batch: of what is sent at once. linger_s: how long
    an item waits for others. patience_s: how long one sending may take. first_pause_s, longest_pause_s: after a batch
    was not taken; each pause is twice the last. last_words_s: how long a node that stops goes on sending.
    """

    most_waiting: int = 4_096
    most_per_batch: int = 512
    linger_s: float = 1.0
    patience_s: float = 10.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    last_words_s: float = 1.0


@dataclass(frozen=True, slots=True)
class OutboundCounts:
    """Since the node started, but for ``waiting``, which is now."""

    sent: int = 0
    lost: int = 0
    waiting: int = 0


class Outbound(Generic[T]):
    """Sends items of one sort to one place, while ``run`` runs.

    what: its name, for logs. place: where to, for logs. send: raises NotTaken.
    """

    def __init__(
        self,
        what: str,
        place: str,
        send: Callable[[Sequence[T]], Awaitable[None]],
        settings: OutboundSettings | None = None,
    ) -> None:
        self._settings = settings or OutboundSettings()
        self._what = what
        self._place = place
        self._send = send
        self._waiting: deque[T] = deque(maxlen=self._settings.most_waiting)
        self._enough = asyncio.Event()
        self._ending = asyncio.Event()
        self._is_done = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._sent = self._lost = 0
        self._lost_before = 0
        self._trouble = _Trouble.NONE
        self._troubled_since_s = 0.0

    def __repr__(self) -> str:
        return f"<Outbound {self._what} {self.counts}>"

    @property
    def counts(self) -> OutboundCounts:
        """The figures at this moment."""
        return OutboundCounts(self._sent, self._lost, len(self._waiting))

    def put(self, item: T) -> None:
        """Have an item sent. From any thread; returns at once, whatever becomes of it."""
        if len(self._waiting) == self._settings.most_waiting:
            self._lost += 1
        self._waiting.append(item)
        if len(self._waiting) == self._settings.most_per_batch and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._enough.set)

    async def run(self) -> None:
        """Send until told to finish."""
        try:
            while not self._ending.is_set():
                await _until(self._enough, self._settings.linger_s)
                self._enough.clear()
                await self._send_what_waits()
        finally:
            self._is_done.set()

    async def finish(self) -> None:
        """Send what is left, but not for long; ``run`` is to be cancelled then."""
        self._ending.set()
        self._enough.set()
        await _until(self._is_done, self._settings.last_words_s)

    async def _send_what_waits(self) -> None:
        while self._waiting:
            items = min(len(self._waiting), self._settings.most_per_batch)
            batch = [self._waiting.popleft() for _ in range(items)]
            if not await self._delivered(batch) and self._ending.is_set():
                return
            if len(self._waiting) < self._settings.most_per_batch and not self._ending.is_set():
                return

    async def _delivered(self, batch: Sequence[T]) -> bool:
        """Send until it is taken; False if it is lost."""
        pause_s = self._settings.first_pause_s
        while (failure := await self._failure_of(batch)) is not None:
            self._was_not_taken(str(failure))
            if self._ending.is_set() or not failure.may_come_again:
                lost = len(batch) if failure.items is None else min(failure.items, len(batch))
                self._lost += lost
                self._sent += len(batch) - lost
                return False
            await _until(self._ending, pause_s * random.uniform(0.75, 1.25))  # noqa: S311 - lest all come at once
            pause_s = min(2 * pause_s, self._settings.longest_pause_s)
        self._sent += len(batch)
        self._was_taken()
        return True

    async def _failure_of(self, batch: Sequence[T]) -> NotTaken | None:
        try:
            async with asyncio.timeout(self._settings.patience_s):
                await self._send(batch)
        except NotTaken as failure:
            return failure
        except TimeoutError:
            return NotTaken(f"no answer within {self._settings.patience_s:.3g} s", may_come_again=True)
        except Exception as error:  # the supervisor: a batch that cannot be put into words must not end the others
            log.exception("telemetry could not be encoded", signal=self._what, exc_info=error)
            return NotTaken("it could not be encoded", may_come_again=False)
        return None

    def _was_not_taken(self, reason: str) -> None:
        if self._trouble is not _Trouble.REFUSED:
            self._troubled(_Trouble.REFUSED, "telemetry cannot be sent", reason=reason)

    def _was_taken(self) -> None:
        lost, self._lost_before = self._lost - self._lost_before, self._lost
        if self._trouble is _Trouble.NONE and lost:
            self._troubled(_Trouble.FLOODED, "more telemetry comes than can be sent", lost=lost)
        elif self._trouble is _Trouble.REFUSED or (self._trouble is _Trouble.FLOODED and not lost):
            took_s = round(self._loop.time() - self._troubled_since_s, 1)
            log.info(
                "telemetry is sent again", signal=self._what, to=self._place, after_s=took_s, lost_in_all=self._lost
            )
            self._trouble = _Trouble.NONE

    def _troubled(self, trouble: _Trouble, event: str, **facts: object) -> None:
        if self._trouble is _Trouble.NONE:
            self._troubled_since_s = self._loop.time()
        self._trouble = trouble
        log.warning(event, signal=self._what, to=self._place, **facts)


class _Trouble(Enum):
    NONE = "none"
    REFUSED = "refused"
    FLOODED = "flooded"


async def _until(event: asyncio.Event, most_s: float) -> None:
    """Return when the event is set, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await event.wait()
