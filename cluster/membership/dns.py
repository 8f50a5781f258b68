"""Members found by DNS, of a headless service in Kubernetes above all.

    dns:///name:5000                          the addresses of a name, each with this port
    dns:///_peers._tcp.name                   its SRV records, which bring host and port; so does dns:///srv+name
    kubernetes:///service.namespace:5000      the addresses of a headless service
    dns://10.0.0.2:53/name:5000               ask this server rather than those of the system

The name is asked for again when its records have grown old, but not more often than each second and not less often than
each ten. Who is to be found is decided elsewhere, so there is nothing to announce.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.name import from_text, root
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, Answer, NoAnswer

from cluster.member import Member
from cluster.membership.urls import EngineUrl, joined_address
from model.errors import Unavailable

_DNS_PORT = 53
_ANSWER_S = 5.0  # in which the servers of the system are tried one after the other
_SHORTEST_S, _LONGEST_S = 1.0, 10.0
_CLUSTER_DOMAIN = "svc.cluster.local."


class DnsMembership:
    """Whoever a name stands for.

    A name that stands for nobody has lost us our engine: a service without any ready node looks the same as one that
    was renamed, and as a server that has only just been started and knows nothing yet.
    """

    def __init__(self, question: Question) -> None:
        self._question = question

    def __repr__(self) -> str:
        return f"<DnsMembership {self._question.shown}>"

    @classmethod
    def of(cls, text: str) -> DnsMembership:
        """The engine of a URL. Raises Misconfigured for one of another form."""
        return cls(_question(EngineUrl.parse(text)))

    async def announce(self, me: Member) -> None:  # noqa: ARG002 - DNS has it from elsewhere
        """Wait to be cancelled."""
        await asyncio.get_running_loop().create_future()

    async def views(self) -> AsyncGenerator[frozenset[Member]]:
        """Those found, and again when they are others. Raises Unavailable when the answer is none, or there is none."""
        known: frozenset[Member] | None = None
        while True:
            found = await _asked(self._question)
            if found.members != known:
                known = found.members
                yield known
            await asyncio.sleep(min(max(found.ttl_s, _SHORTEST_S), _LONGEST_S))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. names: in order; the first that exists counts. port: None where the records bring it (SRV).

    server: address and port of whom to ask; None for the servers and search domains of the system.
    """

    shown: str
    names: Sequence[str]
    port: int | None
    server: tuple[str, int] | None


class Found(NamedTuple):
    """Those a name stands for, at least one, and for how long that may be relied on."""

    members: frozenset[Member]
    ttl_s: float


def _question(url: EngineUrl) -> Question:
    url.allow_only()
    if url.user or url.password:
        raise url.refusal("DNS knows no users")
    name, _, port = url.path.partition(":")
    is_srv = name.startswith(("_", "srv+"))
    if is_srv and port:
        raise url.refusal(f"the records of {name!r} bring their ports; leave out {port!r}")
    name = name.removeprefix("srv+")
    return Question(
        shown=url.shown,
        names=_names(url, name),
        port=None if is_srv else url.address(url.path)[1],
        server=_server(url),
    )


def _names(url: EngineUrl, name: str) -> Sequence[str]:
    try:
        if from_text(name) == root:
            raise url.refusal(f"expected {url.scheme}:///name:port, got no name")
    except DNSException as error:
        raise url.refusal(f"{name!r} is no name of DNS") from error
    if url.scheme != "kubernetes":
        return (name,)
    if "." not in name:
        raise url.refusal(f"expected kubernetes:///service.namespace:port, got {name!r}")
    return (name,) if name.endswith(".") else (f"{name}.{_CLUSTER_DOMAIN}", name)


def _server(url: EngineUrl) -> tuple[str, int] | None:
    if not url.authority:
        return None
    host, port = url.address(url.authority, port=_DNS_PORT)
    try:
        return str(ip_address(host)), port
    except ValueError as error:
        raise url.refusal(f"expected the IP address of a DNS server, got {host!r}") from error


async def _asked(question: Question) -> Found:
    try:
        resolver = _resolver(question)
        for name in question.names:
            try:
                return await _addresses(resolver, name, question.port)
            except NXDOMAIN:
                if name == question.names[-1]:
                    raise
        raise AssertionError("a question has names")
    except (DNSException, OSError) as error:
        raise Unavailable(f"membership engine {question.shown}: {error or type(error).__name__}") from error


def _resolver(question: Question) -> Resolver:
    """A new one each time, as what the system is told of its servers may change."""
    resolver = Resolver(configure=question.server is None)
    if question.server is not None:
        resolver.nameservers, resolver.port = [question.server[0]], question.server[1]
    return resolver


async def _addresses(resolver: Resolver, name: str, port: int | None) -> Found:
    if port is None:
        answer = await _answer(resolver, name, RdataType.SRV)
        return _found(answer, [joined_address(_host(record.target), record.port) for record in answer])
    try:
        answer = await _answer(resolver, name, RdataType.A)
    except NoAnswer:  # a node with addresses of both kinds is one member, so the second kind is a fallback
        answer = await _answer(resolver, name, RdataType.AAAA)
    return _found(answer, [joined_address(record.address, port) for record in answer])


async def _answer(resolver: Resolver, name: str, kind: RdataType) -> Answer:
    return await resolver.resolve(name, kind, lifetime=_ANSWER_S, search=True)


def _host(target: object) -> str:
    return str(target).rstrip(".")


def _found(answer: Answer, addresses: Sequence[str]) -> Found:
    return Found(frozenset(map(Member, addresses)), answer.chaining_result.minimum_ttl)
