"""Ports of loopback for a cluster to play with."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from contextlib import suppress

_LASTING = (20_000, 32_000)  # which no outgoing connection is given, on Linux


class Ports:
    """Gives each port once."""

    def __init__(self) -> None:
        self._given: set[int] = set()

    def some(self, count: int) -> Sequence[int]:
        """So many that nobody uses now, by TCP or UDP."""
        return [self.usual(random.randint(*_LASTING)) for _ in range(count)]  # noqa: S311 - any will do

    def usual(self, port: int) -> int:
        """A port that people expect, or another one if somebody uses it."""
        while port in self._given or not _is_free(port):
            port = random.randint(*_LASTING)  # noqa: S311 - as above
        self._given.add(port)
        return port


def _is_free(port: int) -> bool:
    with (
        socket.socket(type=socket.SOCK_STREAM) as stream,
        socket.socket(type=socket.SOCK_DGRAM) as datagram,
        suppress(OSError),
    ):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was used a moment ago is free
        stream.bind(("127.0.0.1", port))
        datagram.bind(("127.0.0.1", port))
        return True
    return False
