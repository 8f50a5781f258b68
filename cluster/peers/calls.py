"""Calls that peers make to this node, whatever carries them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from grpc import StatusCode

from cluster.peers.duplex import Duplex

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

    async def message(self) -> bytes:
        """What the peer asks, by a method that takes a single message."""

    async def write(self, message: bytes) -> None:
        """Send a message; waits while the peer does not read."""

    def frames(self) -> Duplex:
        """What goes both ways, by a method that takes a stream."""


@dataclass(frozen=True, slots=True)
class PeerMethod:
    """What is served under a full name. serve: answers by what it writes; may raise Refused. is_stream: of requests."""

    name: str
    serve: Callable[[PeerCall], Awaitable[None]]
    is_stream: bool = False
