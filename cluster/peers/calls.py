"""Calls that peers make to this node, whatever carries them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from grpc import StatusCode

Metadata = Sequence[tuple[str, str]]


class Refused(Exception):
    """The call ends with a status that says why."""

    def __init__(self, code: StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class PeerCall(Protocol):
    """One call of a peer."""

    @property
    def came_from(self) -> str:
        """Where the connection comes from, for logs."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What it opens with, the texts of it."""

    async def open(self, metadata: Metadata) -> None:
        """Answer with this before anything else."""

    async def write(self, message: bytes) -> None:
        """Send a message; waits while the peer does not read."""

    def messages(self) -> AsyncIterator[bytes]:
        """What the peer sends, to the end of it; of a call with a single message, that."""


@dataclass(frozen=True, slots=True)
class PeerMethod:
    """What is served under a full name. serve: answers by what it writes; may raise Refused. is_stream: of requests."""

    name: str
    serve: Callable[[PeerCall], Awaitable[None]]
    is_stream: bool = False


async def only_message(call: PeerCall) -> bytes:
    """The message of a call that has a single one."""
    return await anext(call.messages())
