"""Two ends of the peer port over a real socket, with answers made up by the test."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

import grpc
import trustme
from ringward_native import CallerTls

from cluster.invoker.answers import Answered
from cluster.invoker.warm_up import KeptAnswer
from cluster.member import Member
from cluster.peers.breaker import BreakerSettings
from cluster.peers.card import PROTOCOLS, Card, CardState, Protocols
from cluster.peers.channels import Channels
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.host import PeerHost, PeerListener
from cluster.peers.lines import GrpcLines, Lines
from cluster.peers.native_host import NativePeerHost
from cluster.peers.native_lines import NativeLines
from cluster.peers.peers import Peers
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from model.check import CheckAnswer, CheckRequest, Question, Verdict
from model.errors import AuthzError
from model.snapshot import Snapshot
from model.tuples import EntityRef, SubjectRef
from tests.support.certificates import chain_of


class Carrier(Enum):
    """What carries gRPC."""

    NATIVE = "native"
    GRPCIO = "grpcio"


@dataclass
class Carriers:
    """What carries it at each end; the fixture ``carriers`` sets it for each test."""

    serving: Carrier = Carrier.NATIVE
    asking: Carrier = Carrier.NATIVE


CARRIERS = Carriers()


@dataclass(frozen=True)
class Certificates:
    """What one end shows, nothing if leaf is None, and whose certificates it accepts."""

    leaf: trustme.LeafCert | None
    accepted: trustme.CA

    def hand_on(self, follower: Callable[[bytes, bytes, bytes | None], None]) -> None:
        follower(self._chain, self._key, self._ca)

    def for_native_calls(self) -> CallerTls:
        return CallerTls(self._ca, self._chain, self._key)

    def for_grpc_listener(self) -> grpc.ServerCredentials:
        return grpc.ssl_server_credentials([(self._key, self._chain)], self._ca, require_client_auth=True)

    def for_grpc_calls(self) -> grpc.ChannelCredentials:
        if self.leaf is None:
            return grpc.ssl_channel_credentials(self._ca)
        return grpc.ssl_channel_credentials(self._ca, self._key, self._chain)

    @property
    def _ca(self) -> bytes:
        return self.accepted.cert_pem.bytes()

    @property
    def _chain(self) -> bytes:
        assert self.leaf
        return chain_of(self.leaf)

    @property
    def _key(self) -> bytes:
        assert self.leaf
        return self.leaf.private_key_pem.bytes()


KEY = ClusterKey("a secret of the cluster", "test")
PATIENCE_S = 10.0
QUICK = PeerSettings(connecting_s=0.5, breaker=BreakerSettings(first_pause_s=0.02, most_pause_s=0.1))


def request(permission: str = "view", entity_id: str = "1") -> CheckRequest:
    """A question whose answer depends on what is asked, so that answers cannot be mixed up unseen."""
    return CheckRequest("t1", (Question(EntityRef("doc", entity_id), permission, SubjectRef("user", "ann")),), 20)


def answered(asked: CheckRequest) -> Answered:
    """What ``FakeOwn`` answers."""
    answers = tuple(CheckAnswer(_verdict(question), 1 + len(question.entity.id)) for question in asked.questions)
    return Answered(answers, Snapshot.at_commit(len(asked.questions)), f"version of {asked.tenant}")


def _verdict(question: Question) -> Verdict:
    even = hashlib.sha256(repr(question).encode()).digest()[0] % 2 == 0
    return Verdict.ALLOWED if even else Verdict.DENIED


@dataclass
class FakeOwn:
    """Answers ``view`` at once, ``yield`` after a turn of the loop, ``wait`` when ``may_answer`` is set; or raises.

    began, ended: how many asks were begun, and how many of these are over. cancelled: how many of them by cancellation.
    """

    error: AuthzError | Exception | None = None
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    began: int = 0
    ended: int = 0
    cancelled: int = 0
    noticed: Callable[[CheckRequest], None] = lambda _: None

    async def is_cancelled(self) -> bool:
        return self.cancelled > 0

    async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:
        del wants_evidence
        self.began += 1
        self.noticed(request)
        try:
            if self.error is not None:
                raise self.error
            match request.questions[0].permission:
                case "yield":
                    await asyncio.sleep(0)
                case "wait":
                    await self.may_answer.wait()
            return answered(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.ended += 1


@dataclass(frozen=True)
class Serving:
    """A node that answers its peers."""

    address: str
    host: PeerListener
    service: PeerService
    farewells: list[str]


async def gives_nothing(newcomer: Member, most: int) -> Sequence[KeptAnswer]:  # noqa: ARG001
    return ()


@asynccontextmanager
async def serving(
    own: FakeOwn,
    *,
    key: ClusterKey = KEY,
    protocols: Protocols = PROTOCOLS,
    settings: PeerSettings = QUICK,
    tls: Certificates | None = None,
    state: CardState = CardState.SERVING,
    port: int = 0,
) -> AsyncIterator[Serving]:
    farewells: list[str] = []
    card = Card(key.digest, protocols, Member("answering:1", "north", 3, "1.2"), state)
    greeter = Greeter("answering:1", key, protocols)
    service = PeerService(
        own, greeter, settings, card=lambda: card, hears_farewell=farewells.append, gives=gives_nothing
    )
    host = listener(service, settings, f"127.0.0.1:{port}", tls)
    await host.start()
    try:
        yield Serving(f"127.0.0.1:{host.port}", host, service, farewells)
    finally:
        await host.stop(0)


@asynccontextmanager
async def asking(
    *,
    key: ClusterKey = KEY,
    protocols: Protocols = PROTOCOLS,
    settings: PeerSettings = QUICK,
    tls: Certificates | None = None,
    hears_farewell: Callable[[str], None] = lambda _: None,
    doubts: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Peers]:
    channels = Channels(settings, tls.for_grpc_calls() if tls else None)
    async with lines_of(channels, settings, tls) as lines:
        dialler = Dialler(Greeter("asking:1", key, protocols), settings, channels, lines)
        peers = Peers(dialler, settings, hears_farewell=hears_farewell, doubts=doubts)
        async with peers.running():
            yield peers


def listener(service: PeerService, settings: PeerSettings, address: str, tls: Certificates | None) -> PeerListener:
    """A listener on the carrier under test."""
    if CARRIERS.serving is Carrier.NATIVE:
        return NativePeerHost(service, settings, listens_at=address, encrypt=tls.hand_on if tls else None)
    return PeerHost(service, settings, listens_at=address, credentials=tls.for_grpc_listener() if tls else None)


@asynccontextmanager
async def lines_of(channels: Channels, settings: PeerSettings, tls: Certificates | None) -> AsyncIterator[Lines]:
    """Lines on the carrier under test."""
    if CARRIERS.asking is Carrier.GRPCIO or (tls and not tls.leaf):  # who has no certificate is never native
        yield GrpcLines(channels)
        return
    lines = NativeLines(settings, tls.for_native_calls() if tls else None)
    async with lines.running():
        yield lines


async def ask(peers: Peers, address: str, asked: CheckRequest | None = None, timeout_s: float = PATIENCE_S) -> Answered:
    """Ask without wanting evidence."""
    return await peers.ask(address, asked or request(), timeout_s=timeout_s, wants_evidence=False)
