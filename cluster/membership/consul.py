"""Members that are instances of a service in Consul: ``consul://host:8500/service?token=…&scheme=https&dc=…``.

The agent asked should be that of the node's own machine. Each node registers itself there with a check that must be
renewed, three times in its span (``check=ttl``), or with one by which the agent asks the node's peer port for its
health (``check=grpc``). Who is there is asked by blocking queries, which answer when something has changed. An agent
that was started again without its state is told anew.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any

import structlog
from consul.aio import Consul
from consul.check import Check

from cluster.member import Member
from cluster.membership.announcements import announced_member, announcement_of
from cluster.membership.consul_agent import ConsulAgent
from cluster.membership.urls import EngineUrl, joined_address
from model.errors import Unavailable

log = structlog.get_logger(__name__)

_SPAN_S = 6.0
_FORGET_S = 60  # Consul takes no less
_ANSWER_S = 2.0
_FAREWELL_S = 1.0
_WAIT_S = 10
_LATE_S = _WAIT_S / 16 + _ANSWER_S  # to a wait Consul adds up to a sixteenth, so that not all come back at once
_PAUSE_S = 0.1  # between two questions: each of many nodes that start at once is a change
_SERVICE = "ringward"


class HealthCheck(Enum):
    """How Consul learns that a node is well."""

    TTL = "ttl"
    GRPC = "grpc"


class ConsulMembership:
    """The passing instances of one service.

    span_s: after how long without a word, or between two questions for its health, a member is no longer passing. One
    that is not for a minute is removed by Consul.
    """

    def __init__(
        self, agent: ConsulAgent, service: str, *, check: HealthCheck = HealthCheck.TTL, span_s: float = _SPAN_S
    ) -> None:
        self._agent = agent
        self._service = service
        self._check = check
        self._span_s = span_s
        self._unreadable: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<ConsulMembership {self._agent}>"

    @classmethod
    def of(cls, text: str) -> ConsulMembership:
        """The engine of a URL. Raises Misconfigured for one of another form."""
        url = EngineUrl.parse(text)
        url.allow_only("token", "scheme", "dc", "ca", "check")
        service = url.path or _SERVICE
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", service, re.ASCII):
            raise url.refusal(f"expected up to 64 letters, digits, _ . or - as service, got {service!r}")
        check = HealthCheck(url.choice("check", *(kind.value for kind in HealthCheck)))
        return cls(ConsulAgent.of(url), service, check=check)

    async def announce(self, me: Member) -> None:
        """Register, and renew; when cancelled, deregister. Raises Unavailable."""
        async with self._agent.connected() as consul:
            try:
                await self._register(consul, me)
                while True:
                    await asyncio.sleep(self._span_s / 3)
                    if not await self._renewed(consul, me):
                        await self._register(consul, me)
            except asyncio.CancelledError:
                with suppress(Unavailable):  # then it is the check that ends
                    farewell = consul.agent.service.deregister(self._id_of(me))
                    await self._agent.asked(farewell, within_s=_FAREWELL_S)
                raise

    async def views(self) -> AsyncGenerator[frozenset[Member]]:
        """The passing instances, and again when they are others. Raises Unavailable."""
        known: frozenset[Member] | None = None
        index = 0
        async with self._agent.connected() as consul:
            while True:
                found, index = await self._list(consul, index)
                if found != known:
                    known = found
                    yield known
                await asyncio.sleep(_PAUSE_S)

    async def _register(self, consul: Consul, me: Member) -> None:
        host, _, port = me.address.rpartition(":")
        question = consul.agent.service.register(
            self._service,
            service_id=self._id_of(me),
            address=host.strip("[]"),
            port=int(port),
            meta=announcement_of(me),
            check=self._check_of(me),
            replace_existing_checks=True,
        )
        if not await self._agent.asked(question, within_s=_ANSWER_S):
            raise Unavailable(f"{self._agent}: does not register services")

    async def _renewed(self, consul: Consul, me: Member) -> bool:
        """Whether the agent still knows us; it has been told that we are well."""
        if self._check is HealthCheck.TTL:
            passing = consul.agent.check.ttl_pass(f"service:{self._id_of(me)}")
            return bool(await self._agent.asked(passing, within_s=_ANSWER_S))
        services = await self._agent.asked(consul.agent.services(), within_s=_ANSWER_S)
        return self._id_of(me) in services

    async def _list(self, consul: Consul, index: int) -> tuple[frozenset[Member], int]:
        """Who is there once the index is past the one given, or after a while; and the index then.

        An index may go backwards, as after a restart without state: then one asks from the beginning, and not again for
        what may never come.
        """
        question = consul.health.service(self._service, passing=True, index=index or None, wait=f"{_WAIT_S}s")
        within_s = _WAIT_S + _LATE_S if index else _ANSWER_S
        new_index, entries = await self._agent.asked(question, within_s=within_s)
        members: set[Member] = set()
        unreadable: set[str] = set()
        for entry in entries or ():
            name = _name_of(entry)
            try:
                members.add(_read(entry))
            except (KeyError, TypeError, ValueError) as error:
                unreadable.add(name)
                if name not in self._unreadable:
                    log.warning("a member is left out", engine=str(self._agent), member=name, reason=str(error))
        self._unreadable = frozenset(unreadable)
        return frozenset(members), next_index(index, new_index)

    def _check_of(self, me: Member) -> Mapping[str, object]:
        common = {"DeregisterCriticalServiceAfter": f"{_FORGET_S}s", "Status": "passing"}
        if self._check is HealthCheck.GRPC:
            every = f"{self._span_s / 3:.1f}s"
            return {**Check.grpc(me.address, interval=every, timeout=every), **common}
        return {**Check.ttl(f"{self._span_s:.1f}s"), **common}

    def _id_of(self, me: Member) -> str:
        return f"{self._service}-{me.address}"


def next_index(before: int, given: object) -> int:
    """What to ask with after this index was given. Source: Consul, HTTP API, blocking queries, "index values"."""
    index = int(str(given))
    return 0 if index < before else max(index, 1)


def _name_of(entry: Any) -> str:
    service = entry.get("Service") if isinstance(entry, dict) else None
    return str(service.get("ID")) if isinstance(service, dict) else repr(entry)[:80]


def _read(entry: Mapping[str, Any]) -> Member:
    service = entry["Service"]
    host = service["Address"] or entry["Node"]["Address"]
    return announced_member(joined_address(host, service["Port"]), service["Meta"] or {})
