"""A node's part in a cluster: how it comes in, takes its share of the keys, and leaves without anybody's loss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from api.addresses import wanted_address
from api.health import Standing
from api.tls import ListenerTls
from cluster.hashring.ring import Ring
from cluster.invoker.answers import NoAnswer, OwnAnswers, Owners
from cluster.invoker.keys import CacheKey, routing_key_of
from cluster.invoker.routing import RoutedAnswers
from cluster.invoker.traced import TracedOwnAnswers, TracedOwners
from cluster.invoker.warm_up import KeptAnswer
from cluster.member import Member
from cluster.membership.base import Membership
from cluster.membership.opening import membership_of
from cluster.membership.roll_call import RollCall
from cluster.membership.urls import joined_address
from cluster.peers.card import PROTOCOLS, Card, CardState
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.description import NodeCounts
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.peers import Peers
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from model.errors import AuthzError
from node.answering import Answering
from node.background import kept_running
from node.overseeing import Overseeing
from node.own_address import own_host
from node.settings import ClusterSettings, NodeSettings
from node.transports import PeerTransport, Transports

if TYPE_CHECKING:
    from telemetry.tracing import Tracer

log = structlog.get_logger(__name__)

PEER_SETTINGS = PeerSettings()

_MOST_TAKEN_OVER = 20_000  # answers, of all owners together; some 20 MB, and a second or two


class Cluster:
    """A node among the others: it joins when ``running`` is entered, and leaves when told to or at the context's end.

    me: as others see this node. engine: who tells of the others. answering: what this node answers itself, and gives to
    others who come. transport: made for ``PEER_SETTINGS``. reach: told how far it has come on its way into the ring.
    stop: called when people want it to end. tracer: goes on with traces of its peers. own_share_ratio: the part of the
    keys it owns, 0 to 1.
    """

    def __init__(  # noqa: PLR0913 - all that a member is connected with
        self,
        settings: ClusterSettings,
        me: Member,
        engine: Membership,
        answering: Answering,
        transport: PeerTransport,
        *,
        reach: Callable[[Standing], None],
        stop: Callable[[], None],
        tracer: Tracer | None = None,
    ) -> None:
        key = ClusterKey(settings.key)
        greeter = Greeter(me.address, key, PROTOCOLS)
        self._settings = settings
        self._reach = reach
        self.own_share_ratio = 1.0
        self._state = CardState.JOINING
        self._card = Card(key.digest, PROTOCOLS, me, CardState.SERVING)
        self._dialler = Dialler(greeter, PEER_SETTINGS, transport.channels, transport.lines)
        self.roll_call = RollCall(engine, self._dialler, self._card, is_zonal=settings.is_zonal)
        self.peers = Peers(
            self._dialler, PEER_SETTINGS, hears_farewell=self.roll_call.farewell, doubts=self.roll_call.doubt
        )
        own: OwnAnswers = answering.local
        owners: Owners = self.peers
        if tracer is not None:
            own, owners = TracedOwnAnswers(own, tracer, me.address), TracedOwners(owners)
        self.checks = RoutedAnswers(answering.local, owners, self.roll_call, me.address)
        overseeing = Overseeing(
            card=self._shown_card,
            counts=self.counts,
            roll_call=self.roll_call,
            peers=self.peers,
            pins=answering.pins,
            dialler=self._dialler,
            is_zonal=settings.is_zonal,
            stop=stop,
        )
        self._local = answering.local
        self._service = PeerService(
            own,
            greeter,
            PEER_SETTINGS,
            card=self._shown_card,
            hears_farewell=self.roll_call.farewell,
            gives=self._give,
            oversight=overseeing,
        )
        self.warm_up = answering.warm_up
        self._host = transport.host(self._service)
        self._calling = transport.running

    @property
    def address(self) -> str:
        """Where peers reach this node."""
        return self._card.member.address

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A member while the context lasts: the body begins once the node has its place in the ring.

        Raises Unavailable if the peer port cannot be listened on.
        """
        await self._host.start()
        try:
            async with (
                self._calling(),
                self.peers.running(),
                kept_running(self.roll_call.run, self._forget_who_has_gone, self._weigh_own_share),
            ):
                await self._join()
                try:
                    yield
                finally:
                    self.leave()
        finally:
            await self._host.stop(self._settings.grace_s)

    def leave(self) -> None:
        """Hand the keys to the others. What is asked meanwhile is still answered. Idempotent."""
        if self._state is CardState.LEAVING:
            return
        self._state = CardState.LEAVING
        self.peers.say_farewell()
        self._service.say_farewell()
        self.roll_call.retire()
        log.info("leaving the cluster", address=self.address)

    async def _join(self) -> None:
        """Wait, but not for ever, until it is known who is there; then serve."""
        self._reach(Standing.JOINING)
        try:
            async with asyncio.timeout(self._settings.joining_s):
                await self.roll_call.settled()
        except TimeoutError:
            log.warning("nothing was heard of the other nodes yet", waited_s=self._settings.joining_s)
        self._reach(Standing.WARMING_UP)
        await self._take_over()
        self._state = CardState.SERVING
        log.info("joined the cluster", address=self.address, members=len(self.roll_call.members))

    async def _take_over(self) -> None:
        """Take the hottest answers to what will be ours from its owners, as far as there is time and room."""
        others = [member.address for member in self.roll_call.ring.members if member.address != self.address]
        if not others:
            return
        try:
            async with asyncio.timeout(self._settings.warm_up_s), asyncio.TaskGroup() as group:
                for address in others:
                    group.create_task(self._take_over_from(address, _MOST_TAKEN_OVER // len(others)))
        except TimeoutError:
            log.warning("not all answers were taken over", waited_s=self._settings.warm_up_s)

    async def _take_over_from(self, address: str, most: int) -> None:
        taken = 0
        try:
            async with aclosing(self._dialler.warmth_of(address, self._card.member, most)) as parts:
                async for part in parts:
                    await self.warm_up.take_over(part)
                    taken += len(part)
        except (NoAnswer, AuthzError) as error:
            log.warning("no answers were taken over", peer=address, reason=str(error), answers=taken)
        else:
            log.info("answers were taken over", peer=address, answers=taken)

    async def _give(self, newcomer: Member, most: int) -> Sequence[KeptAnswer]:
        ring, me = self.roll_call.ring, self._card.member
        if self._settings.is_zonal and newcomer.zone != me.zone:
            return []
        others = [member for member in ring.members if member.address != newcomer.address]
        after = await asyncio.to_thread(Ring.of, [*others, newcomer], known=ring)
        is_theirs = partial(_owns, after, newcomer.address)
        return await self.warm_up.hottest(is_theirs, min(most, _MOST_TAKEN_OVER))

    async def _forget_who_has_gone(self) -> None:
        ring = self.roll_call.ring
        while True:
            ring = await self.roll_call.changed(ring)
            self.peers.keep_only({member.address for member in self.roll_call.members})

    async def _weigh_own_share(self) -> None:
        ring = self.roll_call.ring
        while True:
            shares = await asyncio.to_thread(ring.shares)
            self.own_share_ratio = shares.get(self.address, 0.0)
            ring = await self.roll_call.changed(ring)

    def _shown_card(self) -> Card:
        return replace(self._card, state=self._state)

    def counts(self) -> NodeCounts:
        """What it has counted since it started."""
        return NodeCounts(self._local.cached, self.checks.counts, self.roll_call.counts, self._service.answered)

    def __repr__(self) -> str:
        return f"<Cluster as {self.address}, {self._state.value}, {self.roll_call!r}>"


def _owns(ring: Ring, address: str, key: CacheKey) -> bool:
    return ring.owner(routing_key_of(key)) == address


def cluster_of(
    settings: NodeSettings,
    answering: Answering,
    transports: Transports,
    tls: ListenerTls | None,
    *,
    reach: Callable[[Standing], None],
    stop: Callable[[], None],
    tracer: Tracer | None = None,
) -> Cluster:
    """The cluster a node is told of. Raises Misconfigured, naming the value, for what cannot be one.

    reach: told how far the node has come. stop: called when people want it to end. tracer: goes on with the traces of
    peers, if there are any.
    """
    cluster = settings.cluster
    assert cluster, "only a node that is told of a cluster has one"
    address = cluster.advertise or joined_address(settings.host or own_host(), cluster.port)
    me = Member(address, cluster.zone, cluster.weight, cluster.release)
    transport = transports.peers(PEER_SETTINGS, cluster, wanted_address(settings.host, cluster.port), tls)
    return Cluster(
        cluster, me, membership_of(cluster.engine), answering, transport, reach=reach, stop=stop, tracer=tracer
    )
