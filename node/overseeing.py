"""What a node of a cluster tells people who look at it, and does for them; others are asked on their behalf."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from cluster.invoker.answers import NoAnswer
from cluster.invoker.keys import routing_key
from cluster.invoker.pins import Pins
from cluster.membership.roll_call import RollCall
from cluster.peers.card import Card
from cluster.peers.description import Description, NodeCounts, Ownership, Silence, places_of, rings_of
from cluster.peers.dialler import Dialler
from cluster.peers.oversight import DistantOversight
from cluster.peers.peers import Peers
from model.check import Question
from model.errors import AuthzError, NotFound, Unavailable

log = structlog.get_logger(__name__)

_ASKED_AT_ONCE = 64


class Overseeing:
    """Fulfils ``Oversight`` for one node.

    card and counts: what it says of itself now. stop: has it leave the cluster and end, as a signal would.
    """

    def __init__(  # noqa: PLR0913 - all that people may want to know
        self,
        *,
        card: Callable[[], Card],
        counts: Callable[[], NodeCounts],
        roll_call: RollCall,
        peers: Peers,
        pins: Pins,
        dialler: Dialler,
        is_zonal: bool,
        stop: Callable[[], None],
    ) -> None:
        self._card = card
        self._counts = counts
        self._roll_call = roll_call
        self._peers = peers
        self._pins = pins
        self._dialler = dialler
        self._is_zonal = is_zonal
        self._stop = stop

    def __repr__(self) -> str:
        return f"<Overseeing of {self._card().member.address}>"

    async def describe(self, *, with_others: bool) -> Sequence[Description | Silence]:
        """As the port promises."""
        others = self._others() if with_others else []
        places = await asyncio.to_thread(places_of, self._roll_call.members, is_zonal=self._is_zonal)
        room = asyncio.Semaphore(_ASKED_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._description_of(address, room)) for address in others]
        mine = Description(
            card=self._card(),
            is_zonal=self._is_zonal,
            places=places,
            refused=dict(self._roll_call.refused),
            counts=self._counts(),
            peers=self._peers.states,
        )
        return [mine, *(task.result() for task in asked)]

    async def owners(self, tenant: str, schema_version: str, question: Question) -> Ownership:
        """As the port promises."""
        pinned = await self._pins.pin(tenant, "", schema_version)
        key = routing_key(tenant, pinned.schema_version, question)
        members = {member.address: member for member in self._roll_call.members}
        rings = await asyncio.to_thread(rings_of, members.values(), is_zonal=self._is_zonal)
        return Ownership(pinned.schema_version, tuple(members[ring.owner(key)] for ring in rings))

    async def drain(self, address: str) -> None:
        """As the port promises."""
        me = self._card().member.address
        if address in ("", me):
            log.info("told to leave the cluster and stop", address=me)
            self._stop()
            return
        if address not in self._others():
            known = ", ".join([me, *self._others()])
            raise NotFound(f"{address} is none of the members that {me} sees: {known}")
        try:
            await DistantOversight(self._dialler, address).drain("")
        except NoAnswer as silence:
            raise Unavailable(str(silence)) from silence

    def _others(self) -> Sequence[str]:
        me = self._card().member.address
        return sorted(member.address for member in self._roll_call.members if member.address != me)

    async def _description_of(self, address: str, room: asyncio.Semaphore) -> Description | Silence:
        try:
            async with room:
                (found,) = await DistantOversight(self._dialler, address).describe(with_others=False)
        except (NoAnswer, AuthzError) as error:
            return Silence(address, str(error))
        return found
