"""What every listener offers the node, whatever it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Host(Protocol):
    """A listener that does not listen yet."""

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address, if that is not possible."""

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then cancel what is left."""


class GrpcListener(Host, Protocol):
    """A listener for gRPC."""

    @property
    def address(self) -> str:
        """Where clients on this machine reach it once it is started, ``host:port``."""

    @property
    def connections(self) -> int | None:
        """How many clients are connected; None if that is not known."""

    @property
    def refused(self) -> Mapping[str, int]:
        """How many connections and calls were refused before any handler heard of them, by why; empty if not known."""
