"""Every RPC answers at the path the contract binds it to, by the request that the document shows for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from api.rest.bindings import Binding
from api.rest.settings import RestSettings
from api.rpc.watch import WatchSettings
from node.node import open_node, open_services
from node.settings import NodeSettings
from proto.base.v1 import service_pb2 as pb
from proto.openapi.examples import EXAMPLES
from tests.api.rest.serving import TIMEOUT_S, Rest, client_of

RPCS = {method.full_name: method for service in pb.DESCRIPTOR.services_by_name.values() for method in service.methods}
IN_ORDER = [name for name in EXAMPLES if name in RPCS] + [name for name in RPCS if name not in EXAMPLES]


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    settings = NodeSettings(
        host="127.0.0.1", grpc_port=0, grace_s=0.1, http=RestSettings(port=0), watch=WatchSettings(enabled=True)
    )
    async with open_node(settings) as node, client_of(node.rest_url) as client:
        yield client


async def answer_to_example(rest: Rest, rpc: MethodDescriptor) -> Any:
    """The answer to the example of an RPC; of a stream, that it has begun."""
    binding = Binding.of(rpc)
    path = binding.path.replace("{tenant_id}", "t1").replace("{id}", EXAMPLES["base.v1.TenantDeleteRequest.id"])
    body = EXAMPLES.get(rpc.full_name)
    async with rest.session.request(binding.method, rest.url + path, json=body) as response:
        assert response.status == 200, (rpc.full_name, await response.text())
        assert response.headers["Grpc-Metadata-Content-Type"] == "application/grpc"
        if rpc.server_streaming:
            return None
        return await response.json()


async def test_every_rpc_that_is_served_answers_its_example(rest: Rest) -> None:
    async with open_services(NodeSettings()) as services:
        served = {endpoint.rpc.descriptor.full_name for endpoint in services.endpoints.values()}
    answers = {}
    for name in [name for name in IN_ORDER if name in served]:
        async with asyncio.timeout(TIMEOUT_S):
            answers[name] = await answer_to_example(rest, RPCS[name])
    assert answers["base.v1.Permission.Check"]["can"] == "CHECK_RESULT_ALLOWED"
    assert [result["can"] for result in answers["base.v1.Permission.BulkCheck"]["results"]] == [
        "CHECK_RESULT_ALLOWED",
        "CHECK_RESULT_DENIED",
    ]
    assert len(answers["base.v1.Data.ReadRelationships"]["tuples"]) == 3
    assert answers["base.v1.Tenancy.Delete"] == {"tenant_id": "acme"}
    for name, message in answers.items():
        if message is not None:
            assert_every_field_is_there(RPCS[name], message)


def assert_every_field_is_there(rpc: MethodDescriptor, message: Any) -> None:
    assert set(message) == {field.name for field in rpc.output_type.fields}, rpc.full_name


def test_every_binding_of_the_contract_is_understood() -> None:
    bindings = [Binding.of(rpc) for rpc in RPCS.values()]
    assert len(set(bindings)) == len(RPCS) == 25
    assert Binding("POST", "/v1/tenants/{tenant_id}/permissions/check", has_body=True) in bindings
    assert Binding("DELETE", "/v1/tenants/{id}", has_body=False) in bindings


ODD_RULES: list[dict[str, Any]] = [
    {},
    {"post": "/v1/{name=shelves/*}", "body": "*"},
    {"post": "/v1/x", "body": "part"},
    {"post": "/v1/x", "body": "*", "additional_bindings": [{"get": "/v1/y"}]},
]


@pytest.mark.parametrize("rule", ODD_RULES, ids=str)
def test_a_binding_the_contract_does_not_use_is_refused(rule: dict[str, Any]) -> None:
    file = FileDescriptorProto(name="odd.proto", package="odd", syntax="proto3")
    file.message_type.add(name="M")
    method = file.service.add(name="S").method.add(name="Do", input_type=".odd.M", output_type=".odd.M")
    target: Any = method.options.Extensions[annotations_pb2.http]
    target.CopyFrom(type(target)(**rule))
    pool = DescriptorPool()
    pool.Add(file)
    with pytest.raises(NotImplementedError, match=r"odd\.S\.Do"):
        Binding.of(pool.FindServiceByName("odd.S").methods_by_name["Do"])
