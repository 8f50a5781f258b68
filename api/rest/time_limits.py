"""How long calls may take: until their client's deadline, or until it leaves, or until the node's grace has run out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from model.deadline import time_limited
from model.errors import AuthzError, DeadlineExceeded, InvalidRequest, Unavailable

_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNIT_S = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


def parse_timeout(text: str) -> float:
    """Seconds in a ``Grpc-Timeout`` header: up to eight digits and a unit. Raises InvalidRequest for anything else.

    Source: gRPC over HTTP2, "Timeout".
    """
    found = _TIMEOUT.fullmatch(text)
    if found is None:
        raise InvalidRequest(f"Grpc-Timeout: expected up to 8 digits and one of H M S m u n, as in 100m, got {text!r}")
    return int(found[1]) * _UNIT_S[found[2]]


class TimeLimit:
    """The time one call has."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self.reason: AuthzError = DeadlineExceeded("the time given by Grpc-Timeout ran out")

    def end(self, reason: AuthzError) -> None:
        """The time is over now, for this reason; a call whose time was over already keeps the reason it had."""
        if not self._timeout.expired():
            self.reason = reason
            self._timeout.reschedule(asyncio.get_running_loop().time())


class TimeLimits:
    """The limits of all calls that run."""

    def __init__(self) -> None:
        self._running: set[TimeLimit] = set()

    def __repr__(self) -> str:
        return f"<TimeLimits of {len(self._running)} calls>"

    @asynccontextmanager
    async def limited(self, timeout_s: float | None) -> AsyncIterator[TimeLimit]:
        """Limit what runs in the context. Raises, once its time is over, the reason: DeadlineExceeded unless told else.

        timeout_s: None for a call that may take as long as it wants.
        """
        try:
            async with asyncio.timeout(timeout_s) as timeout:
                limit = TimeLimit(timeout)
                self._running.add(limit)
                try:
                    with time_limited(timeout_s):
                        yield limit
                finally:
                    self._running.discard(limit)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise limit.reason from error

    def end_all(self) -> None:
        """End what still runs, since the node stops."""
        for limit in self._running:
            limit.end(Unavailable("the node is stopping"))
