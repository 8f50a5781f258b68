"""Calls of gRPC, whatever carries them: what they pass before a handler answers, and the status they end with.

A transport gives what it knows of a call and takes responses; everything a client can tell apart is decided here, so
that all transports answer alike.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import structlog
from google.protobuf.message import Message
from grpc import StatusCode

from api.entrance import Admission, Call, Entrance
from api.errors import message_of, rich_status, status_of, status_of_bug
from api.observation import CallHead
from api.services import StreamEndpoint, UnaryEndpoint
from api.streams import Outlet
from model.deadline import time_limited
from model.errors import AuthzError, StorageFailed
from transport.bounds import Bounds

log = structlog.get_logger(__name__)

CALLS_PER_CONNECTION = 1_024
"""At once; more wait at the client. What is not admitted yet is bounded by nothing else."""

_METADATA_BYTES = 32 * 1024  # tokens of issuers that list a caller's groups are longer than gRPC's 8 KiB
_CONNECTIONS = 20_000
_PING_S = 60.0  # a client that is gone without a word gives its streams back this soon, not in two hours
_PONG_S = 20.0


def bounds_of(max_message_bytes: int) -> Bounds:
    """How clients' connections and calls are held, with messages of so many bytes at most."""
    return Bounds(
        message_bytes=max_message_bytes,
        metadata_bytes=_METADATA_BYTES,
        connections=_CONNECTIONS,
        calls_per_connection=CALLS_PER_CONNECTION,
        ping_s=_PING_S,
        pong_s=_PONG_S,
    )


class Incoming(CallHead, Protocol):
    """What a transport knows of a call."""

    def time_left_s(self) -> float | None:
        """Seconds until the client's deadline; None if it has none."""


class Ending(NamedTuple):
    """How a call fails: a status, its message, and a serialized google.rpc.Status, or nothing."""

    code: StatusCode
    message: str
    details: bytes = b""


async def answer(endpoint: UnaryEndpoint, entrance: Entrance, call: Incoming, raw: bytes) -> Message:
    """Admit a call and answer it. Raises as ``Entrance.admitted`` and ``UnaryEndpoint.answer``."""
    async with admitted(endpoint.rpc.name, entrance, call):
        with time_limited(call.time_left_s()):
            return await endpoint.answer_bytes(raw)


async def pour(endpoint: StreamEndpoint, entrance: Entrance, call: Incoming, raw: bytes, outlet: Outlet) -> None:
    """Admit a call and send all its responses. Raises as ``Entrance.admitted`` and ``StreamEndpoint.pour``."""
    rpc = endpoint.rpc
    async with admitted(rpc.name, entrance, call):
        await endpoint.pour(rpc.parse(raw), outlet)


def admitted(rpc: str, entrance: Entrance, call: Incoming) -> Admission:
    """The entrance of one call, see ``Entrance.admitted``."""
    return entrance.admitted(Call(rpc, call.header("authorization")))


def ending_of(rpc: str, error: Exception) -> Ending:
    """How a call ends with an error; a bug goes to the log, and must not show its traceback to a client."""
    if not isinstance(error, AuthzError):
        log.error("call failed", method=rpc, exc_info=error)
        status = status_of_bug()
        return Ending(StatusCode.INTERNAL, status.message, status.SerializeToString())
    if isinstance(error, StorageFailed):
        log.error("the store failed", method=rpc, error=str(error))
    return Ending(status_of(error).grpc, message_of(error), rich_status(error).SerializeToString())


class OnceForAll:
    """Serializes a response once that goes to many streams: they send it right after each other.

    A message of 1000 changes takes 0.2 ms, with 1000 watchers a fifth of a second for each transaction.
    """

    def __init__(self) -> None:
        self._last: Message | None = None
        self._raw = b""

    def __call__(self, message: Message) -> bytes:
        """The bytes of a message."""
        if message is not self._last:
            self._last, self._raw = message, message.SerializeToString()
        return self._raw
