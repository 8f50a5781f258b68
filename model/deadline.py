"""When the time of the call that is being answered runs out.

It is set where a call enters, and travels with the call's own context into everything awaited for it. Most of what is
done for a call needs not know: it is cancelled. Who divides the time that is left asks here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def time_limited(left_s: float | None) -> Iterator[None]:
    """Whatever is done in the context has so many seconds left; None for any number."""
    token = _deadline.set(None if left_s is None else asyncio.get_running_loop().time() + left_s)
    try:
        yield
    finally:
        _deadline.reset(token)


def time_left_s() -> float | None:
    """Seconds left of the call's time, at least 0; None if it has no limit."""
    deadline = _deadline.get()
    return None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time())
