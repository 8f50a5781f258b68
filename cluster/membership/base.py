"""The port every membership engine is reached through, and what its users rely on.

An engine tells which addresses have announced themselves and are thought to be alive. It is believed in neither
direction without asking the node itself: a newcomer enters the ring, and one that went missing leaves it, after a word
with its peer port (``roster.py``). So an adapter may be early, late or wrong for a while, but it is never silent about
having lost its engine: it raises, and is asked again later.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from cluster.member import Member


class Membership(Protocol):
    """The members of one cluster, as one engine knows them. Both calls may run for as long as the node does."""

    async def announce(self, me: Member) -> None:
        """Make this node known and keep it known until cancelled; then take it back, within a second or so.

        Raises Unavailable, naming the engine and its address, when it cannot be reached or forgets us for good; whoever
        calls again begins anew. Engines that find nodes by themselves wait to be cancelled.
        """

    def views(self) -> AsyncGenerator[frozenset[Member]]:
        """The members now, this node included if it is known yet, and again whenever they may have changed.

        Never ends by itself. Raises as ``announce``, and then tells nothing about who is there. A member whose
        announcement cannot be understood is left out, with a warning that names it. Whoever leaves closes it.
        """
