"""Something that is away and tried again and again: told once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
STEADY_S = 10.0
"""After so long without a failure, pauses begin anew."""


class Outage:
    """Of one thing, which is named in the logs; it begins with the first failure. chance: from 0 to 1."""

    def __init__(self, what: str, chance: Callable[[], float]) -> None:
        self._what = what
        self._chance = chance
        self._failures = 0
        self._began_at_s: float | None = None
        self._ended_at_s = float("-inf")

    def __repr__(self) -> str:
        return f"<Outage of {self._what}: {self._failures} failures{'' if self._began_at_s is None else ', not over'}>"

    def failed(self, reason: str, now_s: float) -> float:
        """It failed, again or for the first time; how long to wait before trying again, doubled each time."""
        if self._began_at_s is None:
            log.warning(f"{self._what} fails; tried again until it works", reason=reason)
            self._began_at_s = now_s
            if now_s >= self._ended_at_s + STEADY_S:
                self._failures = 0
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        self._failures += 1
        return pause_s * (0.5 + 0.5 * self._chance())

    def end(self, now_s: float) -> None:
        """It works; whether it did not before is of no concern to the caller."""
        if self._began_at_s is not None:
            log.info(f"{self._what} works again", after_s=round(now_s - self._began_at_s, 1))
            self._began_at_s, self._ended_at_s = None, now_s
