"""The one place every call passes: who looks on learns of each beginning and each end, whatever brought the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1.health_pb2 import HealthCheckRequest

from api.auth.bearer import Authenticator
from api.edge import Edge
from api.entrance import Entrance
from api.health import Health
from api.host import GrpcListener
from api.limits import LimitSettings
from api.observation import CallHead, EdgeTransport, Ended, Observation, RpcObserver
from api.services import Endpoint, Rpc, Services, StreamEndpoint, UnaryEndpoint
from api.streams import Responses
from model.errors import AuthzError, InvalidRequest, LimitExceeded, NotFound, StorageFailed, Unauthenticated
from node.settings import GrpcTransport, NodeSettings
from node.transports import Transports
from proto.base.v1 import service_pb2 as pb
from tests.api.conftest import ON_BOTH
from tests.api.rest.serving import Rest, served, watch_by
from tests.support.eventually import eventually

LIST = "/base.v1.Tenancy/List"
STREAM = "/base.v1.Permission/LookupEntityStream"
HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
LIST_PATH = "/v1/tenants/list"
WATCH = "/base.v1.Watch/Watch"
WATCH_PATH = "/v1/tenants/t1/watch"
TIMEOUT_S = 20.0

within: ContextVar[str] = ContextVar("within", default="")


class Onlooker:
    """Notes what it sees: (transport, rpc, code, error) of each end, and how many calls have begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.seen: list[tuple[str, str, str, str]] = []
        self.headers: list[str | None] = []

    def of(self, transport: EdgeTransport, rpc: str) -> RpcObserver:
        return _OfRpc(self, transport, rpc)

    def has_seen(self, calls: int) -> Callable[[], Awaitable[bool]]:
        async def claim() -> bool:
            return len(self.seen) == calls

        return claim


class _OfRpc:
    def __init__(self, onlooker: Onlooker, transport: EdgeTransport, rpc: str) -> None:
        self._onlooker, self._transport, self._rpc = onlooker, transport, rpc

    def began(self, call: CallHead) -> Ended:
        self._onlooker.begun += 1
        self._onlooker.headers.append(call.header("x-told"))
        within.set(f"call {self._onlooker.begun}")

        def ended(code: str, error: Exception | None, taken_s: float) -> None:
            assert 0 < taken_s < TIMEOUT_S
            name = type(error).__name__ if error else ""
            self._onlooker.seen.append((self._transport.value, self._rpc, code, name))

        return ended


class Work:
    """Answers as the test says, and notes in which context it did."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.contexts: list[str] = []
        self.began = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def answer(self, _: Message) -> Message:
        self.contexts.append(within.get())
        self.began.set()
        await self.goes_on.wait()
        if self.trouble:
            raise self.trouble
        return pb.TenantListResponse()

    async def stream(self, _: Message) -> Responses:
        yield pb.WatchResponse()
        await self.answer(_)

    @property
    def over_http(self) -> tuple[Endpoint, ...]:
        return self.endpoints[0], watch_by(self.stream)

    @property
    def endpoints(self) -> tuple[UnaryEndpoint, StreamEndpoint]:
        listing = Rpc.of(pb.DESCRIPTOR.services_by_name["Tenancy"].methods_by_name["List"])
        descriptor = pb.DESCRIPTOR.services_by_name["Permission"].methods_by_name["LookupEntityStream"]
        streaming = Rpc(STREAM, descriptor, pb.TenantListRequest)  # which an empty message is
        return UnaryEndpoint(listing, self.answer), StreamEndpoint(streaming, self.stream)


class NobodyIsKnown(Authenticator):
    async def authenticate(self, authorization: str | None) -> None:  # noqa: ARG002 - whatever is shown
        raise Unauthenticated("who are you?")

    async def keep_current(self) -> None: ...


@asynccontextmanager
async def serving(
    transport: GrpcTransport, work: Work, onlooker: Onlooker, entrance: Entrance | None = None
) -> AsyncIterator[GrpcListener]:
    """A listener whose calls are looked on at."""

    async def ping() -> None: ...

    services = Services({endpoint.rpc.name: endpoint for endpoint in work.endpoints})
    settings = NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=transport, grace_s=0.1)
    edge = Edge(services, Health(ping), entrance or Entrance(), Observation(onlooker))
    host = Transports(settings.grpc_transport).clients(settings, edge, None)
    await host.start()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield host
    finally:
        await host.stop(0.1)


async def ask(host: GrpcListener, method: str, request: bytes = b"") -> None:
    """Call, and do not mind what it comes to."""
    async with grpc.aio.insecure_channel(host.address) as channel:
        call: Any = channel.unary_stream(method) if method == STREAM else channel.unary_unary(method)
        try:
            if method == STREAM:
                async for _ in call(request):
                    pass
            else:
                await call(request, metadata=(("x-told", "so"),))
        except grpc.aio.AioRpcError:
            pass


async def visit(rest: Rest, path: str) -> None:
    """The same over HTTP."""
    async with rest.session.post(rest.url + path, json={}) as response:
        await response.read()


ENDS: list[tuple[Callable[[], AuthzError | Exception | None], str, str]] = [
    (lambda: None, "OK", ""),
    (lambda: InvalidRequest("bad"), "INVALID_ARGUMENT", "InvalidRequest"),
    (lambda: NotFound("nobody"), "NOT_FOUND", "NotFound"),
    (lambda: LimitExceeded("too much"), "RESOURCE_EXHAUSTED", "LimitExceeded"),
    (lambda: StorageFailed("disk full"), "INTERNAL", "StorageFailed"),
    (lambda: ZeroDivisionError("a bug"), "INTERNAL", "ZeroDivisionError"),
]


@pytest.mark.parametrize("transport", ON_BOTH)
@pytest.mark.parametrize("method", [LIST, STREAM])
@pytest.mark.parametrize(("trouble", "code", "error"), ENDS)
async def test_each_call_over_grpc_is_seen_with_how_it_ended(
    transport: GrpcTransport, method: str, trouble: Callable[[], Exception | None], code: str, error: str
) -> None:
    onlooker = Onlooker()
    async with serving(transport, Work(trouble()), onlooker) as host:
        await ask(host, method)
        await eventually(onlooker.has_seen(1))
    assert onlooker.seen == [("grpc", method, code, error)]
    assert onlooker.begun == 1


@pytest.mark.parametrize(("path", "method"), [(LIST_PATH, LIST), (WATCH_PATH, WATCH)])
@pytest.mark.parametrize(("trouble", "code", "error"), ENDS)
async def test_each_call_over_http_is_seen_with_how_it_ended(
    path: str, method: str, trouble: Callable[[], Exception | None], code: str, error: str
) -> None:
    onlooker = Onlooker()
    async with served(*Work(trouble()).over_http, observer=onlooker) as rest:
        await visit(rest, path)
    assert onlooker.seen == [("http", method, code, error)]
    assert onlooker.begun == 1


@pytest.mark.parametrize("transport", ON_BOTH)
async def test_calls_that_are_turned_away_are_seen_too(transport: GrpcTransport) -> None:
    onlooker, work = Onlooker(), Work()
    async with serving(transport, work, onlooker, Entrance(NobodyIsKnown())) as host:
        await ask(host, LIST)
        await ask(host, STREAM)
    assert [code for _, _, code, _ in onlooker.seen] == ["UNAUTHENTICATED"] * 2
    one_call = Entrance(limits=LimitSettings(calls_per_s=1))
    async with serving(transport, work, onlooker, one_call) as host:
        await ask(host, LIST)
        await ask(host, LIST)
    assert [code for _, _, code, _ in onlooker.seen[2:]] == ["OK", "RESOURCE_EXHAUSTED"]


async def test_calls_turned_away_over_http_are_seen_too() -> None:
    onlooker = Onlooker()
    async with served(*Work().over_http, entrance=Entrance(NobodyIsKnown()), observer=onlooker) as rest:
        await visit(rest, LIST_PATH)
        await visit(rest, WATCH_PATH)
        await visit(rest, "/nowhere")
    assert [(rpc, code) for _, rpc, code, _ in onlooker.seen] == [
        (LIST, "UNAUTHENTICATED"),
        (WATCH, "UNAUTHENTICATED"),
    ]


@pytest.mark.parametrize("transport", ON_BOTH)
async def test_health_and_reflection_are_seen(transport: GrpcTransport) -> None:
    onlooker = Onlooker()
    async with serving(transport, Work(), onlooker) as host:
        await ask(host, HEALTH, HealthCheckRequest().SerializeToString())
        async with grpc.aio.insecure_channel(host.address) as channel:
            call: Any = channel.stream_stream(REFLECTION)
            async for _ in call(iter([b"\x3a\x00"])):
                pass
        await eventually(onlooker.has_seen(2))
    assert onlooker.seen == [("grpc", HEALTH, "OK", ""), ("grpc", REFLECTION, "OK", "")]


@pytest.mark.parametrize("transport", ON_BOTH)
async def test_a_call_whose_client_leaves_ends_as_cancelled(transport: GrpcTransport) -> None:
    onlooker, work = Onlooker(), Work()
    work.goes_on.clear()
    async with serving(transport, work, onlooker) as host, asyncio.TaskGroup() as group:
        asking = group.create_task(ask(host, LIST))
        await work.began.wait()
        assert (onlooker.begun, onlooker.seen) == (1, [])
        asking.cancel()
        await eventually(onlooker.has_seen(1))
    assert onlooker.seen == [("grpc", LIST, "CANCELLED", "")]


@pytest.mark.parametrize(("path", "method"), [(LIST_PATH, LIST), (WATCH_PATH, WATCH)])
async def test_a_call_over_http_whose_client_leaves_ends_as_cancelled(path: str, method: str) -> None:
    onlooker, work = Onlooker(), Work()
    work.goes_on.clear()
    async with served(*work.over_http, observer=onlooker) as rest, asyncio.TaskGroup() as group:
        asking = group.create_task(visit(rest, path))
        await work.began.wait()
        asking.cancel()
        await eventually(onlooker.has_seen(1))
    assert onlooker.seen == [("http", method, "CANCELLED", "")]


@pytest.mark.parametrize("transport", ON_BOTH)
async def test_a_call_is_done_in_the_context_its_beginning_has_set(transport: GrpcTransport) -> None:
    onlooker, work = Onlooker(), Work()
    async with serving(transport, work, onlooker) as host:
        for method in (LIST, STREAM, LIST):
            await ask(host, method)
    assert work.contexts == ["call 1", "call 2", "call 3"]


async def test_a_call_over_http_is_done_in_the_context_its_beginning_has_set() -> None:
    onlooker, work = Onlooker(), Work()
    async with served(*work.over_http, observer=onlooker) as rest:
        for path in (LIST_PATH, WATCH_PATH, LIST_PATH):
            await visit(rest, path)
    assert work.contexts == ["call 1", "call 2", "call 3"]


@pytest.mark.parametrize("transport", ON_BOTH)
async def test_headers_are_known_at_the_beginning(transport: GrpcTransport) -> None:
    onlooker = Onlooker()
    async with serving(transport, Work(), onlooker) as host:
        await ask(host, LIST)
        await ask(host, STREAM)
    assert onlooker.headers == ["so", None]


class Ordered:
    """Notes when it is told, together with others."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self._name, self._notes = name, notes

    def of(self, _transport: EdgeTransport, _rpc: str) -> RpcObserver:
        return self

    def began(self, _call: CallHead) -> Ended:
        self._notes.append(f"{self._name} began")
        return lambda code, _error, _taken_s: self._notes.append(f"{self._name} {code}")


class NoHead:
    def header(self, _name: str) -> str | None:
        return None


def test_who_is_told_first_of_the_beginning_is_told_last_of_the_end() -> None:
    notes: list[str] = []
    observed = Observation(Ordered("outer", notes), Ordered("inner", notes)).of(EdgeTransport.GRPC, LIST)
    with observed(NoHead()):
        notes.append("done")
    assert notes == ["outer began", "inner began", "done", "inner OK", "outer OK"]


def test_a_status_that_was_told_stands_whatever_ends_the_call() -> None:
    notes: list[str] = []
    observed = Observation(Ordered("it", notes)).of(EdgeTransport.GRPC, LIST)

    def aborted() -> None:
        with observed(NoHead()) as sighting:
            sighting.failed(grpc.StatusCode.NOT_FOUND)
            raise RuntimeError("as grpc.aio aborts")

    with pytest.raises(RuntimeError):
        aborted()
    assert notes[-1] == "it NOT_FOUND"
