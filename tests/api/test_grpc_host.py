"""What the gRPC server does with clients of every sort."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from api.health import Health
from model.errors import StorageFailed, Unavailable
from node.node import open_node
from node.settings import NodeSettings
from tests.support.client import Client, check_request, context

pytestmark = pytest.mark.both_transports


async def test_bytes_that_are_no_message_are_refused_and_the_server_goes_on(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.raw("/base.v1.Permission/Check", b"\xff\xff\xff")
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "PermissionCheckRequest" in (refusal.value.details() or "")
    assert not await client.can("doc:a#view@user:ann")


async def test_a_message_over_the_limit_is_refused_and_the_server_goes_on(client: Client) -> None:
    rows = [f"doc:{'x' * 100}{n}#viewer@user:{'y' * 100}{n}" for n in range(20_000)]
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.can("doc:a#view@user:ann", context=context(*rows))
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not await client.can("doc:a#view@user:ann")


async def test_an_rpc_that_is_not_served_says_so(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.raw("/base.v1.Permission/Ponder", b"")
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_call_given_up_by_its_client_leaves_the_server_well(client: Client) -> None:
    rows = [f"group:g{n}#member@group:g{n + 1}#member" for n in range(5_000)]
    given = context("doc:a#viewer@group:g0#member", *rows)
    for _ in range(5):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.call(
                "Permission.Check", check_request("doc:a#view@user:ann", context=given, depth=10_000), timeout_s=0.01
            )
        assert refusal.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not await client.can("doc:a#view@user:ann")


async def test_a_port_in_use_is_named(node_settings: NodeSettings) -> None:
    async with open_node(node_settings) as node:
        port = int(node.grpc_address.rpartition(":")[2])
        with pytest.raises(Unavailable, match=str(port)):
            async with open_node(replace(node_settings, grpc_port=port)):
                pass


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_describes_what_is_served(channel: grpc.aio.Channel, version: str) -> None:
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    requests = [
        ServerReflectionRequest(list_services=""),
        ServerReflectionRequest(file_containing_symbol="base.v1.Permission"),
    ]
    listed, described = [response async for response in call(iter(requests))]
    names = {service.name for service in listed.list_services_response.service}
    assert {"base.v1.Permission", "base.v1.Schema", "base.v1.Data", "base.v1.Tenancy", "grpc.health.v1.Health"} <= names
    file = FileDescriptorProto.FromString(described.file_descriptor_response.file_descriptor_proto[0])
    assert file.name == "base/v1/service.proto"


async def test_health_is_serving_for_any_service_name(channel: grpc.aio.Channel) -> None:
    stub: Any = HealthStub(channel)
    response = await stub.Check(HealthCheckRequest(service="whatever"))
    assert response.status == HealthCheckResponse.SERVING


async def test_health_says_so_when_the_store_does_not_work_or_the_node_leaves() -> None:
    works = True

    async def ping() -> None:
        if not works:
            raise StorageFailed("disk full")

    health = Health(ping)
    assert await health.is_serving()
    works = False
    assert not await health.is_serving()
    works = True
    health.leave()
    assert not await health.is_serving()


async def test_a_store_that_does_not_answer_is_none_that_works() -> None:
    asked = asyncio.Event()

    async def ping() -> None:
        asked.set()
        await asyncio.Event().wait()

    assert not await Health(ping, patience_s=0.01).is_serving()
    assert asked.is_set()


async def test_a_watched_health_tells_the_state_at_once(channel: grpc.aio.Channel) -> None:
    stub: Any = HealthStub(channel)
    call = stub.Watch(HealthCheckRequest())
    async with asyncio.timeout(10):
        async for response in call:
            assert response.status == HealthCheckResponse.SERVING
            break
    call.cancel()
