"""The messages of one stream, each way."""

from __future__ import annotations

import asyncio
from collections import deque

import ringward_native as native

_AHEAD = 4  # messages read before they are wanted; so the transport's thread is not woken for each


class Inbox:
    """The messages of a stream, as they come in; no more of them than a few wait here."""

    def __init__(self, call: native.Call) -> None:
        self._call = call
        self._messages: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._is_over = False
        for _ in range(_AHEAD):
            call.ask()

    def put(self, message: bytes) -> None:
        """A message has come in."""
        self._messages.append(message)
        self._wake()

    def end(self) -> None:
        """No message will come any more."""
        self._is_over = True
        self._wake()

    async def next(self) -> bytes | None:
        """The next message; None after the last. One reader at a time."""
        while not self._messages:
            if self._is_over:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._call.ask()
        return self._messages.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Outbox:
    """Sends the messages of a stream, as fast as they are taken."""

    def __init__(self, call: native.Call) -> None:
        self._call = call
        self._room: asyncio.Future[None] | None = None

    async def send(self, message: bytes) -> None:
        """Send one, and return once there is room for more. One that is given up by cancellation is sent all the same.

        To a call that has ended nothing is sent, without a word.
        """
        if not self._call.send(message):
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def has_room(self) -> None:
        """Whoever sends may go on."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
