"""Where events of the log branch off: kept until somebody takes them, who may come later than the first of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from structlog.typing import EventDict

_MOST_KEPT = 1_000


class LogTap:
    """Takes events from ``configure_logs``, from any thread."""

    def __init__(self) -> None:
        self._kept: deque[EventDict] = deque(maxlen=_MOST_KEPT)
        self._takes: Callable[[EventDict], None] = self._kept.append

    def __call__(self, event: EventDict) -> None:
        """Take an event."""
        self._takes(event)

    def flow_into(self, takes: Callable[[EventDict], None]) -> None:
        """From now on give events to whom takes them, those that were kept first."""
        while self._kept:
            takes(self._kept.popleft())
        self._takes = takes

    def dry_up(self) -> None:
        """Give events to nobody any more."""
        self._takes = lambda _: None
