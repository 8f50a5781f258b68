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

from model.errors import Unavailable
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


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("base.v1.Permission.Check", "base/v1/service.proto"),
        ("base.v1.Tuple.entity", "base/v1/base.proto"),
        ("grpc.health.v1.Health.Watch", "grpc_health/v1/health.proto"),
        ("base.v1.Permission.Nothing", ""),
        ("nothing", ""),
    ],
)
async def test_reflection_knows_members_by_name(channel: grpc.aio.Channel, symbol: str, file: str) -> None:
    call = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    (answer,) = [each async for each in call(iter([ServerReflectionRequest(file_containing_symbol=symbol)]))]
    described = answer.file_descriptor_response.file_descriptor_proto
    assert FileDescriptorProto.FromString(described[0]).name == file if file else not described
    assert bool(file) != (answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0])


@pytest.mark.parametrize(
    "service",
    ["", "base.v1.Permission", "base.v1.Watch", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"],
)
async def test_health_is_told_of_the_node_and_of_each_service(channel: grpc.aio.Channel, service: str) -> None:
    stub: Any = HealthStub(channel)
    response = await stub.Check(HealthCheckRequest(service=service))
    assert response.status == HealthCheckResponse.SERVING


async def test_the_health_of_what_is_not_served_is_not_found(channel: grpc.aio.Channel) -> None:
    stub: Any = HealthStub(channel)
    with pytest.raises(grpc.aio.AioRpcError, match="whatever") as refusal:
        await stub.Check(HealthCheckRequest(service="whatever"))
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


async def test_who_watches_what_is_not_served_is_told_so_once(channel: grpc.aio.Channel) -> None:
    stub: Any = HealthStub(channel)
    call = stub.Watch(HealthCheckRequest(service="whatever"))
    told = await anext(aiter(call))
    assert told.status == HealthCheckResponse.SERVICE_UNKNOWN
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(aiter(call))


async def test_a_watched_health_tells_the_state_at_once(channel: grpc.aio.Channel) -> None:
    stub: Any = HealthStub(channel)
    call = stub.Watch(HealthCheckRequest())
    async with asyncio.timeout(10):
        async for response in call:
            assert response.status == HealthCheckResponse.SERVING
            break
    call.cancel()
