"""Who is in the ring, kept up to date: the engine is followed, cards are asked for, rings are built and published.

What follows from what is the roster's to say (``roster.py``); here it is done. One loop asks the roster what is next
whenever something happened or the time has come; questions run as tasks of their own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import structlog

from cluster.hashring.ring import Ring
from cluster.invoker.answers import NoAnswer
from cluster.member import Member
from cluster.membership.base import Membership
from cluster.membership.outage import STEADY_S, Outage
from cluster.membership.roster import Roster
from cluster.membership.roster_settings import RosterSettings
from cluster.peers.card import Card, PeerRefused
from model.errors import AuthzError

log = structlog.get_logger(__name__)

_ASKED_AT_ONCE = 32


class Cards(Protocol):
    """The other nodes, asked who they are."""

    async def card_of(self, address: str) -> Card:
        """Who answers there, within a bound of its own. Raises PeerRefused for none of ours, NoAnswer for nobody."""


@dataclass(frozen=True, slots=True)
class RollCounts:
    """What has happened since the node started: members that came, that went, and how often the engine was lost."""

    joined: int = 0
    left: int = 0
    engine_losses: int = 0


class RollCall:
    """The members and the ring of one node. ``run`` keeps both up to date; before it runs, we are alone.

    members: all that serve, in whatever zone. ring: of all of them, or of those in our zone if is_zonal. A change
    replaces each in one assignment. We are in both, until we retire and others are there. is_engine_connected: the
    engine has been heard, and not been lost since. Times are the event loop's.
    """

    def __init__(
        self,
        engine: Membership,
        cards: Cards,
        card: Card,
        *,
        is_zonal: bool = False,
        settings: RosterSettings | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.members = frozenset({card.member})
        self.ring = Ring.of(self.members)
        self._me = card.member
        self._engine = engine
        self._cards = cards
        self._is_zonal = is_zonal
        self._chance = chance
        self._roster = Roster(card, settings or RosterSettings(), chance)
        self._asking = asyncio.Semaphore(_ASKED_AT_ONCE)
        self._stirred = asyncio.Event()
        self._turned = asyncio.Event()
        self._retired = asyncio.Event()
        self._refused_told: Mapping[str, str] = {}
        self._joined = self._left = self._engine_losses = 0
        self.is_engine_connected = False

    def __repr__(self) -> str:
        return f"<RollCall of {len(self.members)}, {len(self.ring)} in the ring>"

    @property
    def refused(self) -> Mapping[str, str]:
        """Addresses that answer and are kept out, and why; for people."""
        return self._roster.refused

    @property
    def counts(self) -> RollCounts:
        """The figures at this moment."""
        return RollCounts(self._joined, self._left, self._engine_losses)

    async def run(self) -> None:
        """Announce this node, follow the others, until cancelled; losing the engine is logged, and tried again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._announce_until_retired())
            group.create_task(self._follow())
            while True:
                self._stirred.clear()
                instructions = self._roster.advance(_now_s())
                for address in instructions.ask:
                    group.create_task(self._ask(address))
                await self._publish(instructions.members)
                self._tell_refused()
                self._turn()
                await self._stirred_or(instructions.wake_at_s)

    async def settled(self) -> None:
        """Return when everyone whom the engine tells of has been asked and the ring is theirs.

        Waits for as long as the engine is away, so bound it.
        """
        while not self._roster.is_settled:
            await self._turned.wait()

    async def changed(self, known: Ring) -> Ring:
        """The ring, as soon as it is another than this one. Who follows rings may miss some, never the last."""
        while self.ring is known:
            await self._turned.wait()
        return self.ring

    def farewell(self, address: str) -> None:
        """A peer says that it leaves."""
        self._roster.farewell(address, _now_s())
        self._stirred.set()

    def doubt(self, address: str) -> None:
        """A peer was found not answering."""
        self._roster.doubted(address, _now_s())
        self._stirred.set()

    def retire(self) -> None:
        """Take our announcement back, and leave the keys to the others."""
        self._roster.retire()
        self._retired.set()
        self._stirred.set()

    async def _announce_until_retired(self) -> None:
        async with asyncio.TaskGroup() as group:
            announcing = group.create_task(self._announce())
            await self._retired.wait()
            announcing.cancel()

    async def _announce(self) -> None:
        outage = Outage("announcing this node", self._chance)
        while True:
            is_made = asyncio.get_running_loop().call_later(STEADY_S, lambda: outage.end(_now_s()))
            try:
                await self._engine.announce(self._me)
                reason = "the engine ended it"
            except AuthzError as error:
                reason = str(error)
            except Exception as error:  # the supervisor: a bug in an adapter must not end the node
                log.exception("announcing this node failed", exc_info=error)
                reason = type(error).__name__
            finally:
                is_made.cancel()
            await asyncio.sleep(outage.failed(reason, _now_s()))

    async def _follow(self) -> None:
        outage = Outage("following the members of the cluster", self._chance)
        while True:
            has_heard = False
            try:
                async with aclosing(self._engine.views()) as views:
                    async for view in views:
                        outage.end(_now_s())
                        has_heard = self.is_engine_connected = True
                        self._roster.seen(view, _now_s())
                        self._stirred.set()
                reason = "the engine ended it"
            except AuthzError as error:
                reason = str(error)
            except Exception as error:  # the supervisor, as above
                log.exception("following the members of the cluster failed", exc_info=error)
                reason = type(error).__name__
            self.is_engine_connected = False
            self._roster.lost()
            self._engine_losses += has_heard
            await asyncio.sleep(outage.failed(reason, _now_s()))

    async def _ask(self, address: str) -> None:
        try:
            async with self._asking:
                card = await self._cards.card_of(address)
            self._roster.answered(address, card, _now_s())
        except PeerRefused as refusal:
            self._roster.refuses(address, str(refusal), _now_s())
        except NoAnswer:
            self._roster.silent(address, _now_s())
        except Exception as error:  # the supervisor: a card that breaks our reading of it must not end the node
            log.exception("asking a node for its card failed", peer=address, exc_info=error)
            self._roster.silent(address, _now_s())
        self._stirred.set()

    async def _publish(self, members: frozenset[Member] | None) -> None:
        if members is None:
            return
        mine = {member for member in members if member.zone == self._me.zone} if self._is_zonal else members
        ring = self.ring
        if set(ring.members) != (mine or {self._me}):
            ring = await asyncio.to_thread(Ring.of, mine or {self._me}, known=ring)
        joined, left = (
            sorted(member.address for member in some) for some in (members - self.members, self.members - members)
        )
        log.info("the members have changed", members=len(members), joined=joined, left=left)
        self._joined += len(joined)
        self._left += len(left)
        self.members, self.ring = members, ring

    def _tell_refused(self) -> None:
        refused = self.refused
        for address, reason in refused.items():
            if self._refused_told.get(address) != reason:
                log.warning("a node is kept out", peer=address, reason=reason)
        self._refused_told = refused

    def _turn(self) -> None:
        """Whoever waits for something to become true looks again."""
        self._turned.set()
        self._turned = asyncio.Event()

    async def _stirred_or(self, wake_at_s: float | None) -> None:
        try:
            async with asyncio.timeout_at(wake_at_s):
                await self._stirred.wait()
        except TimeoutError:
            pass


def _now_s() -> float:
    return asyncio.get_running_loop().time()
