"""Every call passes the entrance: in which order it is looked at, and what it costs the others."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from api.auth.preshared import PresharedKeys
from api.auth.settings import PresharedSettings
from api.entrance import Call, Entrance
from api.limits import LimitSettings
from model.errors import LimitExceeded, Unauthenticated
from node.node import open_node
from node.settings import GrpcTransport, NodeSettings
from proto.base.v1 import service_pb2 as pb
from tests.support.client import Client

KEY = "a-key-for-the-entrance"
CHECK = "/base.v1.Permission/Check"
STREAM = "/base.v1.Permission/LookupEntityStream"
LIMITS = LimitSettings(calls_per_s=3, calls_at_once=2, streams_at_once=1)
AUTH = PresharedSettings((KEY,))

pytestmark = pytest.mark.both_transports


@pytest.fixture
def node_settings(transport: GrpcTransport) -> NodeSettings:
    return NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=transport, grace_s=0.1)


def entrance(limits: LimitSettings = LIMITS) -> Entrance:
    return Entrance(PresharedKeys(PresharedSettings((KEY,))), limits)


def call(rpc: str = CHECK, key: str = KEY) -> Call:
    return Call(rpc, f"Bearer {key}")


async def test_a_place_is_held_as_long_as_the_call_and_no_longer() -> None:
    door = entrance(LimitSettings(calls_at_once=1))
    with suppress(ZeroDivisionError):
        async with door.admitted(call()):
            with pytest.raises(LimitExceeded):
                await door.admitted(call()).__aenter__()
            raise ZeroDivisionError
    async with door.admitted(call()):
        pass
    assert "0 of 1 calls" in repr(door)


async def test_streams_and_calls_have_places_of_their_own() -> None:
    door = entrance(LimitSettings(calls_at_once=1, streams_at_once=1))
    for watching in (STREAM, "/base.v1.Watch/Watch"):
        async with door.admitted(call(watching)), door.admitted(call()):
            with pytest.raises(LimitExceeded, match="1 streams in progress"):
                await door.admitted(call(STREAM)).__aenter__()


async def test_whoever_has_no_key_takes_neither_tokens_nor_places_from_those_who_have_one() -> None:
    door = entrance(LimitSettings(calls_per_s=1, calls_at_once=1))
    for _ in range(100):
        with pytest.raises(Unauthenticated):
            await door.admitted(call(key="none")).__aenter__()
    async with door.admitted(call()):
        pass
    assert (door.unauthenticated, door.bucket.refused, door.calls.refused) == (100, 0, 0)


async def test_a_call_over_the_rate_takes_no_place() -> None:
    door = entrance()
    for _ in range(3):
        async with door.admitted(call()):
            pass
    for _ in range(5):
        with pytest.raises(LimitExceeded, match="3 calls per second"):
            await door.admitted(call()).__aenter__()
    assert "0 of 2 calls" in repr(door)


class Doubt:
    """An authenticator that has to think."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def authenticate(self, authorization: str | None) -> None:  # noqa: ARG002
        await self.may_answer.wait()

    async def keep_current(self) -> None: ...


async def test_a_call_given_up_while_it_is_looked_at_holds_no_place() -> None:
    door = Entrance(Doubt(), LIMITS)
    waiting = asyncio.ensure_future(door.admitted(call()).__aenter__())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert "0 of 2 calls" in repr(door)


# --- on a node ---


def retry_delay_s(error: grpc.aio.AioRpcError) -> float:
    metadata = dict(error.trailing_metadata() or ())
    raw = metadata["grpc-status-details-bin"]
    assert isinstance(raw, bytes)
    retry = RetryInfo()
    assert any(detail.Unpack(retry) for detail in Status.FromString(raw).details)
    return float(retry.retry_delay.ToNanoseconds() / 1e9)


async def test_over_the_rate_a_node_says_when_to_come_again(node_settings: NodeSettings) -> None:
    settings = replace(node_settings, limits=LIMITS)
    async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        client = Client(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await list_tenants(client, times=100)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "/base.v1.Tenancy/List is rejected" in (refused.value.details() or "")
        delay_s = retry_delay_s(refused.value)
        assert 0 < delay_s <= 1 / 3
        await asyncio.sleep(delay_s * 1.01)
        await list_tenants(client, times=1)


async def list_tenants(client: Client, *, times: int) -> None:
    for _ in range(times):
        await client.call("Tenancy.List", pb.TenantListRequest())


async def test_health_is_open_and_unlimited(node_settings: NodeSettings) -> None:
    settings = replace(node_settings, limits=LimitSettings(calls_per_s=1), auth=AUTH)
    async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        for _ in range(20):
            assert (await check(HealthCheckRequest())).status == HealthCheckResponse.SERVING


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_answers_only_those_who_may_ask(node_settings: NodeSettings, version: str) -> None:
    async with (
        open_node(replace(node_settings, auth=AUTH)) as node,
        grpc.aio.insecure_channel(node.grpc_address) as channel,
    ):
        reflect = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        requests = [ServerReflectionRequest(list_services="")]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            assert not [response async for response in reflect(iter(requests))]
        assert refused.value.details() == "ERROR_CODE_MISSING_BEARER_TOKEN"
        metadata = (("authorization", f"Bearer {KEY}"),)
        (listed,) = [response async for response in reflect(iter(requests), metadata=metadata)]
        assert listed.list_services_response.service
