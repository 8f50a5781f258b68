"""HTTP/2 by hand, frame by frame: what well-behaved clients would not send, and answers as they stand on the wire.

Source: RFC 9113, RFC 7541.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from hpack import Decoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
INITIAL_WINDOW_SIZE = 0x4  # a setting
_PATIENCE_S = 20.0

Fields = Iterable[tuple[bytes, bytes]]


class Kind(IntEnum):
    """Of frames."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


@dataclass(slots=True)
class Answer:
    """What came on one stream: its header blocks' fields together, its bytes, and the code it was reset with, if so."""

    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reset: int | None = None

    @property
    def code(self) -> int:
        """The status of gRPC; fails if there is none."""
        return int(self.fields["grpc-status"])


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame as it stands on the wire."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def block(fields: Fields) -> bytes:
    """A header block of literals that are not indexed."""
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in fields)


def message(body: bytes, *, flag: int = 0) -> bytes:
    """A message of gRPC in its frame."""
    return struct.pack(">BI", flag, len(body)) + body


def settings(**values: int) -> bytes:
    """A SETTINGS frame; known is ``initial_window_size``."""
    known = {"initial_window_size": INITIAL_WINDOW_SIZE}
    payload = b"".join(struct.pack(">HI", known[name], value) for name, value in values.items())
    return frame(Kind.SETTINGS, 0, 0, payload)


def opened(**values: int) -> bytes:
    """How a connection begins."""
    return PREFACE + settings(**values)


def request(path: str, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """The fields of a call of gRPC."""
    return [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *more,
    ]


def head(stream: int, fields: Fields, *, ends: bool = False) -> bytes:
    """A HEADERS frame that holds the whole block."""
    return frame(Kind.HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block(fields))


def data(stream: int, payload: bytes, *, ends: bool = True) -> bytes:
    """A DATA frame."""
    return frame(Kind.DATA, END_STREAM if ends else 0, stream, payload)


def call(stream: int, path: str, body: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A whole unary call."""
    return head(stream, request(path, *more)) + data(stream, message(body))


def reset(stream: int) -> bytes:
    """A RST_STREAM frame that cancels."""
    return frame(Kind.RST_STREAM, 0, stream, (8).to_bytes(4, "big"))


class Wire:
    """A connection. Frames are read as they are waited for; SETTINGS and PING are answered, windows stay so."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._decoder = Decoder(max_header_list_size=1_000_000)
        self._ended: dict[int, Answer] = {}
        self._begun: dict[int, Answer] = {}
        self.answers = True  # PING and SETTINGS
        self._initial_window = self._window = 65_535
        self._windows: dict[int, int] = {}  # what streams have beyond the initial one
        self.others: deque[Frame] = deque(maxlen=100)  # that belong to no stream

    async def send(self, *parts: bytes) -> None:
        """Send, and wait until the kernel has taken it."""
        self.writer.write(b"".join(parts))
        async with asyncio.timeout(_PATIENCE_S):
            await self.writer.drain()

    async def pour(self, stream: int, payload: bytes, *, ends: bool = True) -> None:
        """Send as many bytes as one likes, as the server's windows let them through, unless it has answered before."""
        rest = memoryview(payload)
        while rest and stream not in self._ended:
            room = min(self._window, self._initial_window + self._windows.get(stream, 0), 16_384, len(rest))
            if room <= 0:
                await self.take()
                continue
            self._window -= room
            self._windows[stream] = self._windows.get(stream, 0) - room
            await self.send(data(stream, bytes(rest[:room]), ends=ends and room == len(rest)))
            rest = rest[room:]

    async def answer(self, stream: int) -> Answer:
        """All that comes on a stream. Raises ConnectionError if the connection ends before."""
        async with asyncio.timeout(_PATIENCE_S):
            while stream not in self._ended:
                await self.take()
        return self._ended.pop(stream)

    async def take(self) -> Frame:
        """The next frame, after it was taken note of. Raises ConnectionError at the end."""
        try:
            start = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(start[:3], "big"))
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the server has closed the connection") from error
        taken = Frame(start[3], start[4], int.from_bytes(start[5:], "big"), payload)
        self._note(taken)
        return taken

    async def until_settled(self) -> None:
        """Wait until the server says that it has read our settings."""
        while (taken := await self.take()).kind != Kind.SETTINGS or not taken.flags & ACK:
            pass

    async def until_closed(self) -> list[int]:
        """Wait until the server closes; the error codes of its GOAWAY frames."""
        async with asyncio.timeout(_PATIENCE_S):
            try:
                while True:
                    await self.take()
            except ConnectionError:
                return self.farewells

    @property
    def farewells(self) -> list[int]:
        """The error codes of GOAWAY frames so far."""
        return [int.from_bytes(each.payload[4:8], "big") for each in self.others if each.kind == Kind.GOAWAY]

    def _note(self, taken: Frame) -> None:
        if taken.kind == Kind.WINDOW_UPDATE:
            self._widen(taken.stream, int.from_bytes(taken.payload, "big"))
        elif taken.stream == 0:
            self._note_connection(taken)
        else:
            self._note_stream(taken)

    def _note_connection(self, taken: Frame) -> None:
        self.others.append(taken)
        if taken.kind == Kind.SETTINGS and not taken.flags & ACK:
            values = dict(struct.iter_unpack(">HI", taken.payload))
            self._initial_window = values.get(INITIAL_WINDOW_SIZE, self._initial_window)
        if self.answers and taken.kind in (Kind.PING, Kind.SETTINGS) and not taken.flags & ACK:
            self.writer.write(frame(taken.kind, ACK, 0, taken.payload if taken.kind == Kind.PING else b""))

    def _note_stream(self, taken: Frame) -> None:
        if taken.stream in self._ended:
            return  # to say that no more of the request is wanted
        found = self._begun.setdefault(taken.stream, Answer())
        if taken.kind == Kind.HEADERS:
            found.fields |= {str(name): str(value) for name, value in self._decoder.decode(taken.payload)}
        elif taken.kind == Kind.DATA:
            found.body += taken.payload
        elif taken.kind == Kind.RST_STREAM:
            found.reset = int.from_bytes(taken.payload, "big")
        if taken.kind == Kind.RST_STREAM or (taken.kind in (Kind.HEADERS, Kind.DATA) and taken.flags & END_STREAM):
            self._ended[taken.stream] = self._begun.pop(taken.stream)

    def _widen(self, stream: int, more: int) -> None:
        if stream:
            self._windows[stream] = self._windows.get(stream, 0) + more
        else:
            self._window += more


@asynccontextmanager
async def connected(address: str, context: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A connection on which nothing was said; cut off at the end."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def _string(text: bytes) -> bytes:
    """A string literal without Huffman's code. Source: RFC 7541 §5.1, §5.2."""
    length = len(text)
    if length < 127:
        return bytes((length,)) + text
    rest, digits = length - 127, bytearray((127,))
    while rest >= 128:
        digits.append(rest % 128 + 128)
        rest //= 128
    return bytes((*digits, rest)) + text
