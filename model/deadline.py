"""When the time of the call that is being answered runs out.

It is set where a call enters, and travels with the call's own context into everything awaited for it. Most of what is
done for a call needs not know: it is cancelled. Who divides the time that is left asks here.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class time_limited:  # noqa: N801 - used like the function it would be as a generator, at a third of the cost
    """A context: whatever is done in it has so many seconds left; None for any number."""

    __slots__ = ("_left_s", "_token")

    def __init__(self, left_s: float | None) -> None:
        self._left_s = left_s

    def __enter__(self) -> None:
        left_s = self._left_s
        self._token = _deadline.set(None if left_s is None else asyncio.get_running_loop().time() + left_s)

    def __exit__(self, *_: object) -> None:
        _deadline.reset(self._token)


def time_left_s() -> float | None:
    """Seconds left of the call's time, at least 0; None if it has no limit."""
    deadline = _deadline.get()
    return None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time())
