"""The other nodes of the cluster, as this one asks them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from contextvars import Context

from cluster.invoker.answers import Answered, NoAnswer
from cluster.peers.card import Card
from cluster.peers.dialler import Dialler
from cluster.peers.peer import Peer, PeerState
from cluster.peers.settings import PeerSettings
from cluster.task_group import task_group
from model.check import CheckRequest
from telemetry.histogram import Histogram


class Peers:
    """Asks each peer over one stream; fulfils ``Owners``. ``running`` owns the tasks.

    hears_farewell: called with the address of a peer that says it is about to leave. doubts: with that of one whose
    breaker has opened, so that it is asked no more for now.
    """

    def __init__(
        self,
        dialler: Dialler,
        settings: PeerSettings,
        *,
        hears_farewell: Callable[[str], None],
        doubts: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dialler = dialler
        self._settings = settings
        self._hears_farewell = hears_farewell
        self._doubts = doubts
        self._clock = clock
        self._peers: dict[str, tuple[Peer, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None

    def __repr__(self) -> str:
        return f"<Peers {', '.join(self._peers) or 'none'}>"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the context lasts peers can be asked; at its end all who wait get NoAnswer."""
        async with task_group() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                self.keep_only(())

    async def ask(self, address: str, request: CheckRequest, *, timeout_s: float, wants_evidence: bool) -> Answered:
        """See ``Owners``."""
        return await self._peer(address).ask(request, timeout_s=timeout_s, wants_evidence=wants_evidence)

    async def card_of(self, address: str) -> Card:
        """Who answers at an address, whether or not it is asked anything. Raises as ``Dialler.card_of`` does."""
        return await self._dialler.card_of(address)

    def keep_only(self, addresses: Collection[str]) -> None:
        """Close the streams to all others: they have gone, and whoever waits for them gets NoAnswer."""
        for address in self._peers.keys() - set(addresses):
            peer, running = self._peers.pop(address)
            running.cancel()
            peer.end()

    def say_farewell(self) -> None:
        """Tell all peers this node asks that it leaves."""
        for peer, _ in self._peers.values():
            peer.say_farewell()

    @property
    def states(self) -> tuple[PeerState, ...]:
        """How it stands with each peer that has been asked, in order of address."""
        return tuple(self._peers[address][0].state for address in sorted(self._peers))

    @property
    def durations_s(self) -> Mapping[str, Histogram]:
        """How long each peer that has been asked was waited for, by address."""
        return {address: peer.durations_s for address, (peer, _) in self._peers.items()}

    def _peer(self, address: str) -> Peer:
        known = self._peers.get(address)
        return known[0] if known else self._met(address)

    def _met(self, address: str) -> Peer:
        if self._group is None:
            raise NoAnswer("this node asks nobody: it is stopping")
        peer = Peer(
            address,
            self._dialler,
            self._settings,
            clock=self._clock,
            hears_farewell=self._hears_farewell,
            doubts=self._doubts,
        )
        # Not in the context of whoever asks first: the stream serves many.
        self._peers[address] = peer, self._group.create_task(peer.run(), context=Context())
        return peer
