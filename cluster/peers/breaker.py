"""When a peer is asked and when it is left alone: rules without clock or connection.

    CLOSED ── broke, failed ──▸ OPEN ── the stream stands again ──▸ HALF_OPEN ── an answer in time ──▸ CLOSED
                                 ▴                                      │
                                 └───────────── broke, failed ──────────┘

While OPEN nobody asks, so nobody waits: whoever holds the stream tries to open it anew, after pauses that double.
HALF_OPEN lets one ask through at a time.

An ask may fail for two reasons, and the first must be found out at once. The peer is silent: nothing has been heard of
it since it was asked, for longer than a busy node would make anyone wait. Or it answers others, in time or with what
keeps it from answering: then this may have been a hard question, and it takes several, weighed against the answers in
time, until the peer counts as failing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a breaker opens, and how long it stays so.

    silence_s: after how long without a sign of life an ask that fails opens it; shorter finds dead peers sooner, and
    takes a node that pauses for dead. strikes: how many failed asks open it if the peer does answer others;
    answers_per_strike: so many in time make up for one of these. first_pause_s and most_pause_s: between attempts to
    open the stream; each pause is twice the one before, until an ask was answered in time.
    """

    silence_s: float = 0.1
    strikes: int = 5
    answers_per_strike: int = 10
    first_pause_s: float = 0.25
    most_pause_s: float = 10.0


class BreakerState(Enum):
    """Whether a peer is asked: yes, no, or one ask at a time to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Of one peer. Whoever was let in by ``admit`` tells what came of it: ``answered``, ``failed``, ``left``."""

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._strikes = 0.0
        self._attempts = 0
        self._is_tried = False
        self.state = BreakerState.CLOSED

    def __repr__(self) -> str:
        return f"<Breaker {self.state.value}>"

    @property
    def pause_s(self) -> float:
        """How long to wait, while OPEN, before the stream is opened anew."""
        doubled = self._settings.first_pause_s * 2.0 ** min(self._attempts - 1, 60)
        return min(doubled, self._settings.most_pause_s)

    def admit(self) -> bool:
        """True if the peer may be asked now."""
        if self.state is BreakerState.HALF_OPEN and not self._is_tried:
            self._is_tried = True
            return True
        return self.state is BreakerState.CLOSED

    def answered(self) -> None:
        """An ask was answered in time."""
        self.state = BreakerState.CLOSED
        self._attempts = 0
        self._strikes = max(0.0, self._strikes - 1 / self._settings.answers_per_strike)

    def failed(self, *, silent_s: float) -> bool:
        """An ask was not answered, or too late; True if that opens the breaker.

        silent_s: how long the peer has owed a sign of life.
        """
        if self.state is BreakerState.OPEN:
            return False
        self._is_tried = False
        self._strikes += 1
        opens = silent_s >= self._settings.silence_s or self._strikes >= self._settings.strikes
        if opens:
            self.broke()
        return opens

    def left(self) -> None:
        """An ask ended without telling anything of the peer: whoever asked does not want to know any more."""
        self._is_tried = False

    def broke(self) -> None:
        """The stream broke, could not be opened, or is given up."""
        self.state = BreakerState.OPEN
        self._attempts += 1
        self._strikes = 0.0
        self._is_tried = False

    def reopened(self) -> None:
        """The stream stands; one ask may try whether the peer answers, unless that was never in doubt."""
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN
