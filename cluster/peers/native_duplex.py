"""Frames both ways on a stream of the native transport; see ``duplex.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cluster.peers.duplex import Hears
from transport.streams import Inbox, Outbox


class NativeDuplex:
    """The messages of one call as frames."""

    def __init__(self, inbox: Inbox, outbox: Outbox) -> None:
        self._inbox = inbox
        self._outbox = outbox

    def send(self, frame: bytes) -> bool:
        """See Duplex."""
        return self._outbox.put(frame)

    def hold(self) -> None:
        """See Duplex."""
        self._inbox.hold()

    def go_on(self) -> None:
        """See Duplex."""
        self._inbox.go_on()

    async def carry(self, hears: Hears, has_room: Callable[[], None]) -> None:
        """See Duplex; a stream that breaks ends here as if in good order, and the call says how."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def hear(frame: bytes) -> None:
            try:
                hears(frame)
            except Exception as error:  # the supervisor: one stream's trouble must not stop those of others
                self._inbox.hold()
                if not over.done():
                    over.set_exception(error)

        def end() -> None:
            if not over.done():
                over.set_result(None)

        self._outbox.tell(has_room)
        self._inbox.hand_on(hear, end)
        try:
            await over
        finally:
            self._inbox.hold()  # nobody is there any more to hear
