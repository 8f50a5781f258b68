"""What may be said about asking peers and answering them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cluster.peers.breaker import BreakerSettings
from transport.bounds import Bounds

FRAMES_AHEAD = 1
"""How many frames the asking end writes beyond those it knows to have been taken up. Part of the protocol.

What is asked meanwhile gathers for the next. With four ahead a frame carried 1.2 asks (``bench/cluster.py``).
"""
WORD_WITHIN_S = 0.004
"""How soon the answering end says that it has taken a frame up, if it has no answer by then. Part of the protocol.

So long asks that are quick to answer may wait for one that is not. Sooner sends more frames that carry nothing else.
"""


PING_S = 10.0
"""Finds a connection that is gone without a word, though nobody asks: a peer gives back what it asked this soon."""

PONG_S = 5.0

_STREAMS_PER_CONNECTION = 16  # a peer needs one, and some for cards and for warming up
_METADATA_BYTES = 8 * 1024
_CONNECTIONS = 10_000


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """How a node asks its peers and answers them.

    most_asks: of one peer at once, waiting or asked; whoever comes then answers itself. It bounds what a peer that does
    not read costs, with most_waiting_bytes, of asks not yet sent. most_asks_per_frame and most_frame_bytes: what goes
    into one frame, unless a single ask or answer is larger. Larger frames cost less per ask, and make those behind them
    wait. most_message_bytes: of one ask or one answer; larger ones do not travel. connecting_s: how long opening a
    stream, or a card, may take. refused_pause_s: between attempts to reach a peer that is none of ours.
    """

    most_asks: int = 4_096
    most_waiting_bytes: int = 64 * 1024 * 1024
    most_asks_per_frame: int = 256
    most_frame_bytes: int = 256 * 1024
    most_message_bytes: int = 8 * 1024 * 1024
    connecting_s: float = 2.0
    refused_pause_s: float = 30.0
    breaker: BreakerSettings = field(default_factory=BreakerSettings)

    @property
    def most_received_bytes(self) -> int:
        """Of one frame: a full one, or one with a single message, and some room for what else it says."""
        return self.most_frame_bytes + self.most_message_bytes + 64 * 1024

    @property
    def bounds(self) -> Bounds:
        """How connections among nodes are held."""
        return Bounds(
            message_bytes=self.most_received_bytes,
            metadata_bytes=_METADATA_BYTES,
            connections=_CONNECTIONS,
            calls_per_connection=_STREAMS_PER_CONNECTION,
            ping_s=PING_S,
            pong_s=PONG_S,
        )
