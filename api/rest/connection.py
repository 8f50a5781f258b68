"""One HTTP connection: uvicorn's, with a bound on how long a client may keep it waiting."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT_S = 5.0
"""How long the head of a request may take, from the first byte that is not part of another; Permify's value."""


class Connection(HttpToolsProtocol):
    """Closed if the head of a request does not arrive in time, and if a client goes on sending what was refused.

    Between two requests uvicorn closes what is idle, but a connection that never sent a whole head would stay.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        super().data_received(data)
        is_between_requests = self.cycle is None or self.cycle.response_complete
        if is_between_requests and self._head_timer is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Begin with a request whose head is complete."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.close()
