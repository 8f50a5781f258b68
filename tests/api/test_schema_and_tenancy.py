"""The schema and tenancy services over real gRPC."""

from __future__ import annotations

import asyncio
import re

import grpc
import pytest

from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.support.client import TENANT, Client


async def test_a_written_schema_is_read_back_in_compiled_form(client: Client) -> None:
    response = await client.call(
        "Schema.Read", pb.SchemaReadRequest(tenant_id=TENANT, metadata=pb.SchemaReadRequestMetadata())
    )
    doc = response.schema.entity_definitions["doc"]
    view = doc.permissions["view"].child.rewrite
    assert view.rewrite_operation == base.Rewrite.OPERATION_EXCLUSION
    assert view.children[1].leaf.computed_user_set.relation == "blocked"
    assert doc.references["view"] == base.EntityDefinition.REFERENCE_PERMISSION
    assert response.schema.references["small"] == base.SchemaDefinition.REFERENCE_RULE
    rule = response.schema.rule_definitions["small"]
    assert rule.arguments == {"size": base.ATTRIBUTE_TYPE_INTEGER}
    assert rule.expression.expr.call_expr.function == "_<_"


async def test_a_fault_in_a_schema_is_refused_with_its_place_and_nothing_is_stored(client: Client) -> None:
    before = (await _list(client)).head
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.write_schema("entity doc {\n  relation owner @user\n}")
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert re.match(r"2:\d+: relation reference not found in entity references", refusal.value.details() or "")
    assert (await _list(client)).head == before


async def test_versions_are_listed_newest_first(client: Client) -> None:
    first = (await _list(client)).head
    second = await client.write_schema("entity user {}")
    listed = await _list(client, page_size=1)
    assert [record.version for record in listed.schemas] == [second]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", listed.schemas[0].created_at)
    rest = await _list(client, page_size=1, continuous_token=listed.continuous_token)
    assert [record.version for record in rest.schemas] == [first]
    assert rest.head == second


async def test_an_old_version_still_answers(client: Client) -> None:
    old = (await _list(client)).head
    await client.write("doc:a#owner@user:ann")
    await client.write_schema(
        "entity user {}\nentity doc {\n relation owner @user\n permission view = owner not owner\n}"
    )
    assert await client.can("doc:a#view@user:ann", schema_version=old)
    assert not await client.can("doc:a#view@user:ann")


async def test_partial_writes_change_members_and_leave_the_rest(client: Client) -> None:
    version = await _partial_write(client, "doc", update=["permission view = owner"], delete=["download"])
    await client.write("doc:a#viewer@user:ann", "doc:a#owner@user:bob")
    assert version == (await _list(client)).head
    assert await client.can("doc:a#view@user:bob")
    assert not await client.can("doc:a#view@user:ann")


async def test_partial_writes_made_at_once_are_all_kept(client: Client) -> None:
    async with asyncio.TaskGroup() as group:
        for name in "abcdefgh":
            group.create_task(_partial_write(client, "doc", write=[f"permission extra_{name} = owner"]))
    read = await client.call(
        "Schema.Read", pb.SchemaReadRequest(tenant_id=TENANT, metadata=pb.SchemaReadRequestMetadata())
    )
    assert {f"extra_{name}" for name in "abcdefgh"} <= set(read.schema.entity_definitions["doc"].permissions)


@pytest.mark.parametrize(
    ("entity", "change", "code"),
    [
        ("nothing", {"write": ["relation a @user"]}, "ERROR_CODE_ENTITY_STATEMENT_NOT_FOUND"),
        ("doc", {"write": ["relation owner @user"]}, "ERROR_CODE_ALREADY_EXIST"),
        ("doc", {"update": ["relation nothing @user"]}, "ERROR_CODE_REFERENCE_NOT_FOUND"),
        ("doc", {"delete": ["nothing"]}, "ERROR_CODE_REFERENCE_NOT_FOUND"),
    ],
)
async def test_a_partial_write_that_does_not_fit_is_refused(
    client: Client, entity: str, change: dict[str, list[str]], code: str
) -> None:
    before = (await _list(client)).head
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _partial_write(client, entity, **change)
    assert refusal.value.details() == code
    assert (await _list(client)).head == before


async def test_tenants_are_registered_listed_and_removed_with_their_data(client: Client) -> None:
    created = await client.call("Tenancy.Create", pb.TenantCreateRequest(id="acme", name="Acme"))
    assert (created.tenant.id, created.tenant.name) == ("acme", "Acme")
    assert created.tenant.created_at.seconds > 0
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.call("Tenancy.Create", pb.TenantCreateRequest(id="acme", name="Acme"))
    assert refusal.value.details() == "ERROR_CODE_UNIQUE_CONSTRAINT"
    listed = await client.call("Tenancy.List", pb.TenantListRequest())
    assert [tenant.id for tenant in listed.tenants] == ["acme", "t1"]

    await client.write_schema("entity user {}", tenant="acme")
    assert (await client.call("Tenancy.Delete", pb.TenantDeleteRequest(id="acme"))).tenant_id == "acme"
    for method, request in (
        ("Tenancy.Delete", pb.TenantDeleteRequest(id="acme")),
        ("Schema.List", pb.SchemaListRequest(tenant_id="acme")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.call(method, request)
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


async def _list(client: Client, **fields: object) -> pb.SchemaListResponse:
    request = pb.SchemaListRequest(**{"tenant_id": TENANT, **fields})  # type: ignore[arg-type]  # mixed by design
    response: pb.SchemaListResponse = await client.call("Schema.List", request)
    return response


async def _partial_write(client: Client, entity: str, **change: list[str]) -> str:
    request = pb.SchemaPartialWriteRequest(
        tenant_id=TENANT,
        metadata=pb.SchemaPartialWriteRequestMetadata(),
        partials={entity: base.Partials(**change)},
    )
    return str((await client.call("Schema.PartialWrite", request)).schema_version)
