"""A native transport on an event loop: what has happened to calls goes to whom it concerns.

It lies in a queue whose descriptor becomes readable, and is emptied whole. All that a node listens to and whom it calls
share one transport, so that its thread and this loop are woken the less often, each time for more.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ringward_native as native
from grpc import StatusCode

from model.errors import Unavailable
from transport.bounds import Bounds
from transport.streams import Inbox, Outbox

Metadata = Sequence[tuple[str, str]]

_CLOSING_S = 1.0  # for the last answers to leave, once nothing is under way


class Taken:
    """A call that was taken. message: its first, as its method takes them."""

    __slots__ = ("inbox", "message", "native", "outbox")

    def __init__(self, call: native.Call, message: bytes | None, *, is_stream: bool) -> None:
        self.native = call
        self.message = message
        self.outbox = Outbox(call)
        self.inbox = Inbox(call) if is_stream else None

    def hear(self, kind: int, said: Any) -> None:
        """Something has happened to it."""
        if kind == native.ROOM:
            self.outbox.has_room()
        elif self.inbox and kind == native.MESSAGE:
            self.inbox.put(said)
        elif self.inbox and kind == native.REQUEST_ENDED:
            self.inbox.end()


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

    def hear(self, kind: int, said: Any) -> None:
        """Something has happened to it."""
        if kind == native.ROOM:
            self.outbox.has_room()
        elif kind == native.MESSAGE:
            self.inbox.put(said)
        elif kind == native.OPENED:
            self.opened.set_result(dict(said))
        elif kind == native.ENDED:
            self.ended.set_result(said)
            self.opened.cancel()
            self.inbox.end()
            self.outbox.has_room()


class Asked:
    """A call that was made with one message. messages: of its answer, so far. ended: as of ``Made``."""

    __slots__ = ("ended", "messages", "native")

    def __init__(self, call: native.Call, message: bytes) -> None:
        self.native = call
        self.messages: list[bytes] = []
        self.ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        call.ask()
        call.send(message)
        call.finish()

    def hear(self, kind: int, said: Any) -> None:
        """Something has happened to it."""
        if kind == native.MESSAGE:
            self.messages.append(said)
            self.native.ask()
        elif kind == native.ENDED and not self.ended.done():
            self.ended.set_result(said)


class NativeLoop:
    """Serves methods, and makes calls. Used from one event loop; its thread runs while anything ``uses`` it."""

    def __init__(self) -> None:
        self._native = native.Transport()
        self._users = 0
        self._methods: list[Method] = []
        self._taken: dict[int, tuple[asyncio.Task[None], Taken]] = {}
        self._made: dict[int, Made | Asked] = {}
        self._listening: dict[int, Listening] = {}

    def __repr__(self) -> str:
        return f"<NativeLoop {len(self._listening)} listeners {len(self._taken)} calls taken {len(self._made)} made>"

    def use(self) -> None:
        """Have the thread run until ``leave``."""
        self._users += 1
        if self._users == 1:
            self._native.start()
            asyncio.get_running_loop().add_reader(self._native.fileno(), self._drain)

    async def leave(self) -> None:
        """Undo one ``use``; the last ends the thread, and with it all calls that were made."""
        self._users -= 1
        if self._users:
            return
        asyncio.get_running_loop().remove_reader(self._native.fileno())
        await asyncio.to_thread(self._native.close)
        self._drain()
        for subject, made in tuple(self._made.items()):
            del self._made[subject]
            made.hear(native.ENDED, (StatusCode.CANCELLED.value[0], "the transport has ended"))

    def listening(self, methods: Sequence[Method], bounds: Bounds) -> Listening:
        """What can listen."""
        first = len(self._methods)
        self._methods.extend(methods)
        numbered = [(method.name, number, method.takes) for number, method in enumerate(methods, first)]
        bounded = replace(bounds, connections=min(bounds.connections, _files_for_connections()))
        listening = Listening(self, self._native.listener(numbered, bounded), range(first, len(self._methods)))
        self._listening[listening.native.id] = listening
        return listening

    def channel(self, address: str, bounds: Bounds, tls: native.CallerTls | None = None) -> native.Channel:
        """A connection to ``host:port``, for as long as it is kept. Raises ValueError: see ``native.Transport``."""
        return self._native.channel(address, bounds, tls)

    def call(self, channel: native.Channel, path: str, metadata: Metadata = ()) -> Made:
        """Make a call of a method that streams both ways. Raises ValueError; whatever else goes wrong ends the call."""
        made = Made(channel.call(path, metadata))
        self._made[made.native.id] = made
        return made

    async def ask(
        self, channel: native.Channel, path: str, message: bytes, metadata: Metadata = ()
    ) -> tuple[Sequence[bytes], int, str]:
        """Send one message to a method and wait for all of its answer, and the code and the message of its status.

        Cancelling ends the call. Raises ValueError as ``call``.
        """
        asked = Asked(channel.call(path, metadata), message)
        self._made[asked.native.id] = asked
        try:
            code, text = await asked.ended
        finally:
            asked.native.give_up()
        return asked.messages, code, text

    async def finished(self, methods: range) -> None:
        """Return once no call of these that was taken is under way, those that come meanwhile included."""
        while tasks := [task for task, taken in self._taken.values() if taken.native.method in methods]:
            await asyncio.wait(tasks)

    def end(self, methods: range) -> None:
        """Cancel all calls of these that were taken."""
        for subject, (_, taken) in tuple(self._taken.items()):
            if taken.native.method in methods:
                self._cancel(subject)
                taken.native.fail(StatusCode.UNAVAILABLE.value[0], "the node is stopping", b"")

    def _drain(self) -> None:
        for kind, subject, said in self._native.drain():
            if kind == native.BEGAN:
                self._begin(subject, said)
            elif kind == native.GONE:
                self._cancel(subject)
            elif kind == native.CLOSED:
                self._listening.pop(subject).is_closed.set()
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
        if made := self._made.get(subject):
            if kind == native.ENDED:
                del self._made[subject]
            made.hear(kind, said)
        elif taken := self._taken.get(subject):
            taken[1].hear(kind, said)


class Listening:
    """A port, and what is served there. use_tls: encrypts connections from now on, as the transport says.

    methods: their numbers. native and is_closed are for the loop.
    """

    def __init__(self, loop: NativeLoop, listener: native.Listener, methods: range) -> None:
        self.native = listener
        self.is_closed = asyncio.Event()
        self.use_tls = listener.use_tls
        self._loop = loop
        self._methods = methods
        self._listens = False

    def __repr__(self) -> str:
        return f"<Listening {self.connections} connections>"

    @property
    def connections(self) -> int:
        """How many there are."""
        return self.native.connections

    @property
    def refused(self) -> dict[str, int]:
        """How many connections and calls the transport turned away by itself, by why."""
        return self.native.refused

    async def listen(self, address: str) -> int:
        """Listen on ``host:port`` until ``close``; the port, which for 0 is a free one.

        Raises Unavailable, naming the address, if that is not possible; there is nothing to close then.
        """
        self._loop.use()
        try:
            port = self.native.listen(address)
        except OSError as error:
            await self._loop.leave()
            raise Unavailable(f"cannot listen on {address}: the port is in use or not allowed") from error
        self._listens = True
        return port

    async def close(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then cancel what is left, and end.

        Does nothing if it does not listen.
        """
        if not self._listens:
            return
        self._listens = False
        self.native.refuse_new()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._loop.finished(self._methods)
        self._loop.end(self._methods)
        await self._loop.finished(self._methods)
        with suppress(TimeoutError):  # of clients that do not hear
            async with asyncio.timeout(_CLOSING_S):
                await self.is_closed.wait()
        self.native.close()
        await self.is_closed.wait()
        await self._loop.leave()


def _files_for_connections() -> int:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if allowed == resource.RLIM_INFINITY else allowed * 3 // 4
