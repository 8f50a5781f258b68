"""One native transport on one event loop: what has happened to calls goes to whom it concerns.

It lies in a queue whose descriptor becomes readable, and is emptied whole.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ringward_native as native
from grpc import StatusCode

from model.errors import Unavailable
from transport.bounds import Bounds
from transport.streams import Inbox, Outbox

_CLOSING_S = 1.0  # for the last answers to leave, once nothing is under way


class Taken:
    """A call that was taken. message: its first, as its method takes them."""

    __slots__ = ("inbox", "message", "native", "outbox")

    def __init__(self, call: native.Call, message: bytes | None, *, is_stream: bool) -> None:
        self.native = call
        self.message = message
        self.outbox = Outbox(call)
        self.inbox = Inbox(call) if is_stream else None


@dataclass(frozen=True, slots=True)
class Method:
    """What is served under a full name. takes: see ``ringward_native``. serve: must raise nothing but cancellation."""

    name: str
    serve: Callable[[Taken], Awaitable[None]]
    takes: int = native.ONE


class Made:
    """A call that was made. opened: what its answer opens with, by name. ended: the code and message of its status.

    Both are futures; ``opened`` is cancelled if the call ends before it is answered.
    """

    def __init__(self, call: native.Call) -> None:
        loop = asyncio.get_running_loop()
        self.native = call
        self.inbox = Inbox(call)
        self.outbox = Outbox(call)
        self.opened: asyncio.Future[dict[str, str]] = loop.create_future()
        self.ended: asyncio.Future[tuple[int, str]] = loop.create_future()


class NativeLoop:
    """Serves methods, and makes calls. Used from one event loop, between ``start`` and ``close``."""

    def __init__(self, methods: Sequence[Method], bounds: Bounds) -> None:
        self._methods = tuple(methods)
        self._native = native.Transport(
            [(method.name, method.takes) for method in self._methods],
            max_message_bytes=bounds.message_bytes,
            max_metadata_bytes=bounds.metadata_bytes,
            max_connections=min(bounds.connections, _files_for_connections()),
            calls_per_connection=bounds.calls_per_connection,
            ping_every_s=bounds.ping_s,
            pong_within_s=bounds.pong_s,
        )
        self.use_tls = self._native.use_tls
        self._taken: dict[int, tuple[asyncio.Task[None], Taken]] = {}
        self._made: dict[int, Made] = {}
        self._closed = asyncio.Event()
        self._listens = False

    def __repr__(self) -> str:
        return f"<NativeLoop {self._native.connections} connections {len(self._taken)} calls>"

    def start(self) -> None:
        """Start the transport's thread."""
        self._native.start()
        asyncio.get_running_loop().add_reader(self._native.fileno(), self._drain)

    async def listen(self, address: str) -> int:
        """Start, and listen on ``host:port``; the port, which for 0 is a free one.

        Raises Unavailable, naming the address, if that is not possible; there is nothing left to close then.
        """
        self.start()
        try:
            port = self._native.listen(address)
        except OSError as error:
            await self.close(0)
            raise Unavailable(f"cannot listen on {address}: the port is in use or not allowed") from error
        self._listens = True
        return port

    def call(
        self, address: str, path: str, metadata: Sequence[tuple[str, str]], tls: native.CallerTls | None = None
    ) -> Made:
        """Make a call of a method that streams both ways. Raises ValueError; whatever else goes wrong ends the call."""
        made = Made(self._native.call(address, path, metadata, tls))
        self._made[made.native.id] = made
        return made

    async def close(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then cancel what is left, and end."""
        self._native.refuse_new()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._finished()
        for subject, (_, taken) in tuple(self._taken.items()):
            self._cancel(subject)
            taken.native.fail(StatusCode.UNAVAILABLE.value[0], "the node is stopping", b"")
        await self._finished()
        if self._listens:
            with suppress(TimeoutError):  # of clients that do not hear
                async with asyncio.timeout(_CLOSING_S):
                    await self._closed.wait()
        asyncio.get_running_loop().remove_reader(self._native.fileno())
        await asyncio.to_thread(self._native.close)
        self._drain()
        for subject, made in tuple(self._made.items()):
            del self._made[subject]
            _end(made, (StatusCode.CANCELLED.value[0], "the transport has ended"))

    async def _finished(self) -> None:
        """Return once no call that was taken is under way, those that come meanwhile included."""
        while self._taken:
            await asyncio.wait([task for task, _ in self._taken.values()])

    def _drain(self) -> None:
        for kind, subject, said in self._native.drain():
            if kind == native.BEGAN:
                self._begin(subject, said)
            elif kind == native.GONE:
                self._cancel(subject)
            elif kind == native.CLOSED:
                self._closed.set()
            else:
                self._tell(kind, subject, said)

    def _begin(self, call: native.Call, message: bytes | None) -> None:
        method = self._methods[call.method]
        taken = Taken(call, message, is_stream=method.takes != native.ONE)
        self._taken[call.id] = asyncio.get_running_loop().create_task(self._serve(method, taken)), taken

    async def _serve(self, method: Method, taken: Taken) -> None:
        try:
            await method.serve(taken)
        finally:
            self._taken.pop(taken.native.id, None)

    def _cancel(self, subject: int) -> None:
        """Stop what is done for a client that has gone. What was not begun yet ends without ``_serve`` knowing."""
        if taken := self._taken.get(subject):
            taken[0].cancel()
            taken[0].add_done_callback(lambda _: self._taken.pop(subject, None))

    def _tell(self, kind: int, subject: int, said: Any) -> None:
        """Tell one call what has happened to it, unless it is gone."""
        made = self._made.get(subject)
        taken = self._taken.get(subject)
        call = made or (taken and taken[1])
        if call is None:
            return
        if kind == native.ROOM:
            call.outbox.has_room()
        elif kind == native.MESSAGE and call.inbox:
            call.inbox.put(said)
        elif kind == native.REQUEST_ENDED and call.inbox:
            call.inbox.end()
        elif made and kind == native.OPENED:
            made.opened.set_result(dict(said))
        elif made and kind == native.ENDED:
            del self._made[subject]
            _end(made, said)


def _files_for_connections() -> int:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if allowed == resource.RLIM_INFINITY else allowed * 3 // 4


def _end(made: Made, status: tuple[int, str]) -> None:
    made.ended.set_result(status)
    made.opened.cancel()
    made.inbox.end()
    made.outbox.has_room()
