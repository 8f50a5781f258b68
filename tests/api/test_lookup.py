"""LookupEntity, LookupEntityStream and LookupSubject over real gRPC: pages, tokens, snapshots, refusals."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import pytest

from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.support.client import DEPTH, TENANT, Client, context, explanation


def entities_request(
    subject: str = "user:ann",
    permission: str = "view",
    *,
    kind: str = "doc",
    scope: Mapping[str, Sequence[str]] | None = None,
    **options: Any,
) -> pb.PermissionLookupEntityRequest:
    metadata = {name: options.pop(name) for name in ("snap_token", "schema_version") if name in options}
    subject_type, _, subject_id = subject.partition(":")
    return pb.PermissionLookupEntityRequest(
        tenant_id=TENANT,
        metadata=pb.PermissionLookupEntityRequestMetadata(depth=DEPTH, **metadata),
        entity_type=kind,
        permission=permission,
        subject=base.Subject(type=subject_type, id=subject_id),
        scope={name: base.StringArrayValue(data=ids) for name, ids in (scope or {}).items()},
        **options,
    )


def subjects_request(
    entity: str = "doc:a", permission: str = "view", *, sort: str = "user", **options: Any
) -> pb.PermissionLookupSubjectRequest:
    entity_type, _, entity_id = entity.partition(":")
    subject_type, _, relation = sort.partition("#")
    return pb.PermissionLookupSubjectRequest(
        tenant_id=TENANT,
        metadata=pb.PermissionLookupSubjectRequestMetadata(depth=DEPTH),
        entity=base.Entity(type=entity_type, id=entity_id),
        permission=permission,
        subject_reference=base.RelationReference(type=subject_type, relation=relation),
        **options,
    )


async def entities(client: Client, **options: Any) -> tuple[str, str]:
    """Ids joined by blanks, and the token."""
    response = await client.call("Permission.LookupEntity", entities_request(**options))
    return " ".join(response.entity_ids), response.continuous_token


async def subjects(client: Client, **options: Any) -> tuple[str, str]:
    response = await client.call("Permission.LookupSubject", subjects_request(**options))
    return " ".join(response.subject_ids), response.continuous_token


def stream(channel: grpc.aio.Channel, request: pb.PermissionLookupEntityRequest, **options: Any) -> Any:
    call = channel.unary_stream(
        "/base.v1.Permission/LookupEntityStream",
        request_serializer=pb.PermissionLookupEntityRequest.SerializeToString,
        response_deserializer=pb.PermissionLookupEntityStreamResponse.FromString,
    )
    return call(request, **options)


async def test_entities_are_found_whatever_leads_to_them(client: Client) -> None:
    await client.write(
        "group:staff#member@user:ann",
        "folder:root#viewer@group:staff#member",
        "doc:a#parent@folder:root",
        "doc:b#owner@user:ann",
        "doc:c#owner@user:ann",
        "doc:c#blocked@user:ann",
        "doc:d#owner@user:bob",
        attributes=["doc:d$public|boolean:true"],
    )
    assert await entities(client) == ("a b d", "")
    assert await entities(client, kind="group", permission="member") == ("staff", "")
    assert await entities(client, scope={"doc": ["b", "c"]}) == ("b", "")
    small = context(data={"limit": 1})
    assert await entities(client, permission="download", context=small) == ("a b d", "")


async def test_subjects_are_found_whatever_leads_from_them(client: Client) -> None:
    await client.write("group:staff#member@user:ann", "doc:a#viewer@group:staff#member", "doc:a#owner@user:bob")
    await client.write("doc:a#blocked@user:bob")
    assert await subjects(client) == ("ann", "")
    assert await subjects(client, sort="group#member") == ("staff", "")


async def test_pages_join_up_at_the_snapshot_of_the_first_whatever_is_written_between(client: Client) -> None:
    await client.write(*(f"doc:{name}#owner@user:ann" for name in "abcde"))
    first, token = await entities(client, page_size=2)
    await client.write("doc:bb#owner@user:ann", "doc:d#blocked@user:ann")
    await client.write_schema("entity user {}")
    second, token = await entities(client, page_size=2, continuous_token=token)
    third, token = await entities(client, page_size=2, continuous_token=token)
    assert (first, second, third, token) == ("a b", "c d", "e", "")


async def test_pages_of_subjects_join_up_too(client: Client) -> None:
    await client.write("doc:a#viewer@group:g#member", *(f"group:g#member@user:{name}" for name in "abcd"))
    first, token = await subjects(client, page_size=3)
    await client.write("group:g#member@user:cc")
    assert (first, *await subjects(client, page_size=3, continuous_token=token)) == ("a b c", "d", "")


async def test_a_full_last_page_has_no_token(client: Client) -> None:
    await client.write("doc:a#owner@user:ann", "doc:b#owner@user:ann", "doc:b#viewer@user:ann")
    assert await entities(client, page_size=2) == ("a b", "")
    assert await subjects(client, entity="doc:a", page_size=1) == ("ann", "")


async def test_a_page_has_a_thousand_ids_unless_asked_otherwise(client: Client) -> None:
    for start in range(0, 1500, 500):
        await client.write(*(f"doc:{number:04}#owner@user:ann" for number in range(start, start + 500)))
    ids, token = await entities(client)
    assert len(ids.split()) == 1000
    assert len((await entities(client, continuous_token=token))[0].split()) == 500
    assert len((await entities(client, page_size=5000))[0].split()) == 1500


async def test_old_snapshots_are_looked_up_in_exactly(client: Client) -> None:
    before = await client.write("doc:a#owner@user:ann")
    await client.write("doc:b#owner@user:ann")
    assert await entities(client, snap_token=before) == ("a", "")


async def test_a_stream_gives_the_same_ids_and_each_token_goes_on_behind_its_own(
    client: Client, channel: grpc.aio.Channel
) -> None:
    await client.write(*(f"doc:{name}#owner@user:ann" for name in "abcd"))
    found = [response async for response in stream(channel, entities_request(scope={"doc": ["a", "b", "d"]}))]
    assert [response.entity_id for response in found] == ["a", "b", "d"]
    assert found[-1].continuous_token == ""
    whole = [response async for response in stream(channel, entities_request())]
    rest = stream(channel, entities_request(continuous_token=whole[1].continuous_token))
    assert [response.entity_id async for response in rest] == ["c", "d"]
    some = [response async for response in stream(channel, entities_request(page_size=2))]
    assert [response.entity_id for response in some] == ["a", "b"]
    assert some[-1].continuous_token == whole[1].continuous_token


async def test_a_client_that_leaves_a_stream_leaves_nothing_behind(client: Client, channel: grpc.aio.Channel) -> None:
    await client.write(*(f"doc:{number}#owner@user:ann" for number in range(900)))
    before = len(asyncio.all_tasks())
    call = stream(channel, entities_request())
    assert (await call.read()).entity_id == "0"
    call.cancel()
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - there is no event for a task of somebody else's
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("method", ["Permission.LookupEntity", "Permission.LookupSubject"])
@pytest.mark.parametrize(
    "token", ["?", "YQ==", base64.b64encode(b"a b").decode(), base64.b64encode(b"a b ").decode(), "/w=="]
)
async def test_a_token_that_is_not_ours_is_refused(client: Client, method: str, token: str) -> None:
    make = entities_request if method.endswith("Entity") else subjects_request
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.call(method, make(continuous_token=token))
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.value.details() == "ERROR_CODE_INVALID_CONTINUOUS_TOKEN"
    assert repr(token) in explanation(refusal.value)


async def test_unknown_names_are_refused(client: Client) -> None:
    for request in (entities_request(permission="nothing"), entities_request(kind="ghost")):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.call("Permission.LookupEntity", request)
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
        assert refusal.value.details() == "ERROR_CODE_SCHEMA_NOT_FOUND"


async def test_a_stream_that_cannot_be_completed_ends_with_the_error(client: Client, channel: grpc.aio.Channel) -> None:
    await client.write("doc:a#owner@user:ann")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        _ = [response async for response in stream(channel, entities_request(permission="download"))]
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_permissions_of_a_subject_read_the_entity_once(client: Client) -> None:
    await client.write("doc:a#owner@user:ann")
    request = pb.PermissionSubjectPermissionRequest(
        tenant_id=TENANT,
        metadata=pb.PermissionSubjectPermissionRequestMetadata(depth=DEPTH),
        entity=base.Entity(type="doc", id="a"),
        subject=base.Subject(type="user", id="ann"),
        context=context(data={"limit": 1}),
    )
    results = dict((await client.call("Permission.SubjectPermission", request)).results)
    allowed = {name for name, result in results.items() if result == base.CHECK_RESULT_ALLOWED}
    assert allowed == {"owner", "view", "download"}
