"""How a server of gRPC holds its connections and calls, whatever it runs on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How connections and calls are held. ping_s, pong_s: how a connection is found that is gone without a word.

    connections: never more than three of four files this process may open, or stores and peers would find none left.
    """

    message_bytes: int
    metadata_bytes: int
    connections: int
    calls_per_connection: int
    ping_s: float
    pong_s: float
