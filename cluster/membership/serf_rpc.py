"""One connection to the RPC of a serf agent.

Requests and replies are msgpack values on one TCP stream: a header, ``{Command, Seq}`` or ``{Seq, Error}``, and where
the command has one, a body. What the agent tells by itself, the events of a stream, comes in between, with the number
of the request that asked for it. A value that is neither a header nor follows one means that this is no serf agent.
Source: serf.io, docs/agent/rpc.

The connection is driven by callbacks rather than by a task, so that a generator can own it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import msgpack

from model.errors import Unavailable

_VERSION = 1
_LARGEST_REPLY_BYTES = 64 << 20  # a member takes some 400 bytes
_WITH_BODY = frozenset({"join", "members-filtered", "stats"})
_EVENTS = "member-join,member-leave,member-failed,member-update,member-reap"

Value: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SerfMember:
    """What an agent knows of one agent. name: unique among them."""

    name: str
    tags: Mapping[str, str]


@asynccontextmanager
async def connected(host: str, port: int, *, auth: str, reply_s: float) -> AsyncIterator[SerfRpc]:
    """A connection that has introduced itself, with the key unless that is empty, while the context lasts.

    reply_s: how long the agent may take to answer. Raises Unavailable, also for a wrong key.
    """
    try:
        async with asyncio.timeout(reply_s):
            _, rpc = await asyncio.get_running_loop().create_connection(lambda: SerfRpc(reply_s), host, port)
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"nobody listens: {error or 'no answer in time'}") from error
    try:
        await rpc.ask("handshake", {"Version": _VERSION})
        if auth:
            await rpc.ask("auth", {"AuthKey": auth})
        yield rpc
    finally:
        rpc.lose("closed")


class SerfRpc(asyncio.Protocol):
    """Each call raises Unavailable once the connection is lost, if the agent refuses, or does not answer in time."""

    def __init__(self, reply_s: float) -> None:
        self._reply_s = reply_s
        self._transport: asyncio.Transport | None = None
        self._unpacker = msgpack.Unpacker(max_buffer_size=_LARGEST_REPLY_BYTES, unicode_errors="surrogateescape")
        self._sequence = 0
        self._waiting: dict[int, tuple[str, asyncio.Future[Value]]] = {}
        self._headed: int | None = None  # the number of the header whose body may come next
        self._followed: int | None = None  # the number of the request for events
        self._news = asyncio.Event()
        self._gone = asyncio.Event()
        self._loss: str | None = None

    def __repr__(self) -> str:
        return f"<SerfRpc {self._loss or 'open'}, {len(self._waiting)} requests waiting>"

    @property
    def is_open(self) -> bool:
        """False once the connection is lost."""
        return self._loss is None

    async def members(self, *, tag: tuple[str, str] | None = None, name: str | None = None) -> Sequence[SerfMember]:
        """The agents alive, of those with this tag, name and value, and of those of this name."""
        filters: dict[str, Any] = {"Status": "alive"}
        if tag is not None:
            filters["Tags"] = {tag[0]: _pattern_of(tag[1])}
        if name is not None:
            filters["Name"] = _pattern_of(name)
        body = await self.ask("members-filtered", filters)
        with _in_its_form():
            return [SerfMember(str(member["Name"]), dict(member["Tags"])) for member in body["Members"]]

    async def own_name(self) -> str:
        """The name of this agent among the others."""
        body = await self.ask("stats")
        with _in_its_form():
            return str(body["agent"]["name"])

    async def tag(self, tags: Mapping[str, str]) -> None:
        """Set these tags of this agent; it keeps its others."""
        await self.ask("tags", {"Tags": dict(tags), "DeleteTags": []})

    async def untag(self, names: Sequence[str]) -> None:
        """Delete these tags of this agent, as far as it has them."""
        await self.ask("tags", {"Tags": {}, "DeleteTags": list(names)})

    async def join(self, address: str, *, within_s: float) -> None:
        """Have this agent gossip with the one at the address as well, which answers."""
        await self.ask("join", {"Existing": [address], "Replay": False}, within_s=within_s)

    async def follow(self) -> None:
        """From now on be told of agents that come, go or change; ``news`` waits for that."""
        self._followed = self._sequence + 1
        await self.ask("stream", {"Type": _EVENTS})

    async def news(self, within_s: float) -> None:
        """Wait until there is some since this was last called, or for so long."""
        if await _is_set(self._news, within_s):
            self._news.clear()
        self._ensure_open()

    async def stay(self, for_s: float) -> None:
        """Be connected for so long."""
        await _is_set(self._gone, for_s)
        self._ensure_open()

    async def ask(self, command: str, body: Value | None = None, *, within_s: float | None = None) -> Value:
        """The body of the reply, empty where the command has none. within_s: the time for it, where it is special."""
        transport = self._ensure_open()
        self._sequence += 1
        number = self._sequence
        reply: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._waiting[number] = command, reply
        head = msgpack.packb({"Command": command, "Seq": number})
        transport.write(head if body is None else head + msgpack.packb(body))
        patience_s = self._reply_s if within_s is None else within_s
        try:
            async with asyncio.timeout(patience_s):
                return await reply
        except TimeoutError as error:
            raise Unavailable(f"no answer to {command} within {patience_s:g} s") from error
        finally:
            self._waiting.pop(number, None)

    def lose(self, why: str) -> None:
        """Give the connection up: whoever waits learns why."""
        if self._loss is not None:
            return
        self._loss = why
        if self._transport is not None:
            self._transport.abort()
        for command, reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(Unavailable(f"no answer to {command}: {why}"))
        self._news.set()
        self._gone.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, but not the type

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio calls it."""
        self.lose(f"the connection was lost: {exc}" if exc else "the agent closed the connection")

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it, with some bytes of the stream."""
        try:
            self._unpacker.feed(data)
            for value in self._unpacker:
                self._take(value)
        except (msgpack.UnpackException, KeyError, TypeError, ValueError) as error:
            self.lose(f"this is no serf agent: {error!r}")

    def _ensure_open(self) -> asyncio.Transport:
        if self._loss is not None or self._transport is None:
            raise Unavailable(self._loss or "not connected")
        return self._transport

    def _take(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise TypeError(f"it sent {value!r:.60}")
        if value.keys() == {"Seq", "Error"}:
            self._take_header(int(value["Seq"]), str(value["Error"]))
        elif self._headed is None:
            raise ValueError("a body without a header")
        else:
            self._take_body(self._headed, value)

    def _take_header(self, number: int, error: str) -> None:
        self._headed = number
        command, reply = self._waiting.get(number, ("", None))
        if reply is None or reply.done():
            return
        if error:
            reply.set_exception(Unavailable(f"it refused {command}: {error}"))
        elif command not in _WITH_BODY:
            reply.set_result({})

    def _take_body(self, number: int, body: Value) -> None:
        self._headed = None
        if number == self._followed:
            self._news.set()
        elif number in self._waiting and not self._waiting[number][1].done():
            self._waiting[number][1].set_result(body)


@contextmanager
def _in_its_form() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"this is no serf agent: its reply has another form ({error!r})") from error


async def _is_set(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return False


def _pattern_of(text: str) -> str:
    """The regular expression, in Go's syntax, of just this text; it has to match as a whole."""
    return "".join(mark if mark.isascii() and mark.isalnum() else f"\\x{{{ord(mark):x}}}" for mark in text)
