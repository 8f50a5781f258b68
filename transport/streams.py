"""The messages of one stream, each way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import ringward_native as native

_AHEAD = 4  # messages read before they are wanted; so the transport's thread is not woken for each


class Inbox:
    """The messages of a stream, as they come in: taken out one by one, or handed on where they arrive.

    No more of them than a few wait here.
    """

    def __init__(self, call: native.Call) -> None:
        self._call = call
        self._messages: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._takes: Callable[[bytes], None] | None = None
        self._ends: Callable[[], None] | None = None
        self._is_held = False
        self._is_over = False
        for _ in range(_AHEAD):
            call.ask()

    def put(self, message: bytes) -> None:
        """A message has come in."""
        if self._takes is not None and not self._is_held:
            self._call.ask()
            self._takes(message)
        else:
            self._messages.append(message)
            self._wake()

    def end(self) -> None:
        """No message will come any more."""
        self._is_over = True
        if self._ends is not None and not self._messages:
            self._ends()
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

    def hand_on(self, takes: Callable[[bytes], None], ends: Callable[[], None]) -> None:
        """Give each message to whom takes it, from within the call that brings it here; ends: called after the last.

        Those that wait here already are given at once. Once for a stream, and nobody takes them out then.
        """
        self._takes, self._ends = takes, ends
        self.go_on()

    def hold(self) -> None:
        """Hand nothing on for now: what comes waits here, and beyond a few messages where it comes from."""
        self._is_held = True

    def go_on(self) -> None:
        """Hand on again, first what has waited."""
        self._is_held = False
        while self._messages and self._takes is not None and not self._is_held:
            self._call.ask()
            self._takes(self._messages.popleft())
        if self._is_over and self._ends is not None and not self._messages:
            self._ends()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Outbox:
    """Sends the messages of a stream, as fast as they are taken."""

    def __init__(self, call: native.Call) -> None:
        self._call = call
        self._room: asyncio.Future[None] | None = None
        self._is_told: Callable[[], None] | None = None

    async def send(self, message: bytes) -> None:
        """Send one, and return once there is room for more. One that is given up by cancellation is sent all the same.

        To a call that has ended nothing is sent, without a word.
        """
        if not self._call.send(message):
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def put(self, message: bytes) -> bool:
        """Send one; False if the next should wait for room, of which ``tell`` has whoever sends told."""
        return self._call.send(message)

    def tell(self, has_room: Callable[[], None]) -> None:
        """Call this whenever there is room again."""
        self._is_told = has_room

    def has_room(self) -> None:
        """Whoever sends may go on."""
        if self._is_told is not None:
            self._is_told()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
