"""Members found by gossip: each node has a serf agent beside it, whose tags tell of the node.

    serf://127.0.0.1:7373                             an agent that runs already, at its RPC address
    serf://127.0.0.1:7373?agent=start&join=h1,h2      one that the node starts, keeps running and takes along at the end

Announcing has a connection of its own to the node's own agent, and so has what that agent hears of others. All options:
docs/membership.md.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress

import structlog

from cluster.member import Member
from cluster.membership.serf_agent import AgentSettings, running_agent
from cluster.membership.serf_rpc import SerfMember, SerfRpc, connected
from cluster.membership.serf_settings import SerfSettings, settings_of
from cluster.membership.serf_tags import CLUSTER, OUR_TAGS, member_of, tags_of
from cluster.membership.urls import EngineUrl
from model.errors import Unavailable

log = structlog.get_logger(__name__)

_GATHER_S = 0.05  # what comes in a burst
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_JOINING_S = 12.0  # the agent gives an address 10
_FAREWELL_S = 1.0
_STARTING_S = 10.0
_ATTEMPTS_APART_S = 0.05


class SerfMembership:
    """The agents alive that carry our tags, as the node's own agent knows.

    Where the gossip is split, each side is shown its own. It is one again soon after the sides can reach each other:
    agents of ours never cease to join those they were told.
    """

    def __init__(self, settings: SerfSettings) -> None:
        self._settings = settings

    def __repr__(self) -> str:
        return f"<SerfMembership {self._settings.shown}>"

    @classmethod
    def of(cls, text: str) -> SerfMembership:
        """The engine of a URL. Raises Misconfigured for what it cannot be."""
        return cls(settings_of(EngineUrl.parse(text)))

    async def announce(self, me: Member) -> None:
        """Have the agent carry our tags until cancelled; one of ours is started before and leaves the others after.

        One of ours that ends is started again, after ever longer pauses; Unavailable means that it does not come up.
        Raises Misconfigured if there is no program to start one with.
        """
        with self._named_in_errors():
            if self._settings.agent is not None:
                await self._keep_an_agent(self._settings.agent, me)
            async with self._connected() as rpc:
                await self._stay_announced(rpc, me)

    async def views(self) -> AsyncGenerator[frozenset[Member]]:
        """Those alive, and again when they are others."""
        known: frozenset[Member] | None = None
        complaints: dict[str, str] = {}
        with self._named_in_errors():
            async with self._connected() as rpc:
                await rpc.follow()
                while True:
                    agents = await rpc.members(tag=(CLUSTER, self._settings.cluster))
                    found = frozenset(self._readable(agents, complaints))
                    if found != known:
                        known = found
                        yield found
                    await rpc.news(self._settings.look_again_s)
                    await asyncio.sleep(_GATHER_S)

    def _readable(self, agents: Sequence[SerfMember], complaints: dict[str, str]) -> Iterator[Member]:
        """The members the agents' tags tell of; of those that cannot be read, each new complaint is told once."""
        for agent in agents:
            try:
                yield member_of(agent.tags)
            except ValueError as error:
                if complaints.get(agent.name) != str(error):
                    complaints[agent.name] = str(error)
                    log.warning("member left out", engine=self._settings.shown, member=agent.name, reason=str(error))

    async def _stay_announced(self, rpc: SerfRpc, me: Member) -> None:
        """Look after our tags, and after whom the agent gossips with, until the connection is lost."""
        own_name = await rpc.own_name()
        tags = tags_of(me, self._settings.cluster)
        pause_s = _FIRST_PAUSE_S
        try:
            await rpc.tag(tags)
            while True:
                await self._join()
                await rpc.stay(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                found = await _own_tags(rpc, own_name)
                if not tags.items() <= found.items():
                    log.warning("our tags were changed by others", engine=self._settings.shown, found=found)
                    await rpc.tag(tags)
        finally:
            await _take_back(rpc, own_name, tags)

    async def _join(self) -> None:
        """Have our agent gossip with those we were told, as far as they answer; why one does not, it logs itself."""
        async with asyncio.TaskGroup() as group:
            for address in self._settings.join:
                group.create_task(self._join_one(address))

    async def _join_one(self, address: str) -> None:
        """By a connection of its own, as an agent takes up nothing else on one until it has joined."""
        with suppress(Unavailable):
            async with self._connected() as rpc:
                await rpc.join(address, within_s=_JOINING_S)

    async def _keep_an_agent(self, settings: AgentSettings, me: Member) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            async with AsyncExitStack() as stack:
                rpc = await self._own_agent(stack, settings, me)
                up_since_s = _now_s()
                try:
                    await self._stay_announced(rpc, me)
                except Unavailable:
                    if rpc.is_open:  # it lives, and will not do what we ask
                        raise
            if _now_s() - up_since_s > _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            log.warning("the serf agent ended and is started again", engine=self._settings.shown, pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _own_agent(self, stack: AsyncExitStack, settings: AgentSettings, me: Member) -> SerfRpc:
        """A connection to an agent that has been started and is up; both last as long as the stack."""
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", me.address).strip("-")
        agent = await stack.enter_async_context(running_agent(settings, name))
        try:
            async with asyncio.timeout(_STARTING_S):
                while not agent.is_gone:
                    with suppress(Unavailable):
                        rpc = await stack.enter_async_context(self._connected())
                        if await rpc.own_name() == name:  # else it is another agent, at the port ours is to have
                            return rpc
                    await asyncio.sleep(_ATTEMPTS_APART_S)
        except TimeoutError:
            raise Unavailable(f"the agent did not come up: {agent.last_words}") from None
        raise Unavailable(f"the agent ended at once: {agent.last_words}")

    def _connected(self) -> AbstractAsyncContextManager[SerfRpc]:
        settings = self._settings
        return connected(settings.host, settings.port, auth=settings.auth, reply_s=settings.reply_s)

    @contextmanager
    def _named_in_errors(self) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            raise Unavailable(f"membership engine {self._settings.shown}: {error}") from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def _own_tags(rpc: SerfRpc, own_name: str) -> Mapping[str, str]:
    found = await rpc.members(name=own_name)
    if not found:
        raise Unavailable("the agent is leaving the others")
    return found[0].tags


async def _take_back(rpc: SerfRpc, own_name: str, tags: Mapping[str, str]) -> None:
    """Delete our tags, unless somebody else's have taken their place."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            if tags.items() <= (await _own_tags(rpc, own_name)).items():
                await rpc.untag(OUR_TAGS)
