"""Check and BulkCheck over real gRPC."""

from __future__ import annotations

import grpc
import pytest

from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.support.client import DEPTH, TENANT, Client, check_request, context, explanation, tuple_message

ALLOWED, DENIED = base.CHECK_RESULT_ALLOWED, base.CHECK_RESULT_DENIED


async def test_groups_folders_and_exclusion_decide_together(client: Client) -> None:
    await client.write(
        "group:all#member@group:staff#member",
        "group:staff#member@user:ann",
        "group:staff#member@user:bob",
        "folder:root#viewer@group:all#member",
        "folder:deep#parent@folder:root",
        "doc:plan#parent@folder:deep",
        "doc:plan#blocked@user:bob",
    )
    assert await client.can("doc:plan#view@user:ann")
    assert not await client.can("doc:plan#view@user:bob")
    assert not await client.can("doc:plan#view@user:eve")
    assert await client.can("folder:root#view@group:staff#member")


async def test_a_userset_is_in_itself_and_a_star_is_an_id_like_any_other(client: Client) -> None:
    await client.write("doc:a#viewer@user:*")
    assert await client.can("group:g#member@group:g#member")
    assert await client.can("doc:a#view@user:*")
    assert not await client.can("doc:a#view@user:ann")


async def test_rules_see_attributes_and_context_data(client: Client) -> None:
    await client.write("doc:a#owner@user:ann", attributes=["doc:a$size|integer:5"])
    assert await client.can("doc:a#download@user:ann", context=context(data={"limit": 6}))
    assert not await client.can("doc:a#download@user:ann", context=context(data={"limit": 5}))


async def test_a_missing_attribute_counts_as_zero_in_a_rule_and_as_false_alone(client: Client) -> None:
    await client.write("doc:a#owner@user:ann")
    assert await client.can("doc:a#download@user:ann", context=context(data={"limit": 1}))
    assert not await client.can("doc:a#view@user:eve")


async def test_a_stored_attribute_beats_the_context_in_a_rule_and_yields_to_it_alone(client: Client) -> None:
    await client.write("doc:a#owner@user:ann", attributes=["doc:a$size|integer:5", "doc:a$public|boolean:false"])
    small = context(attributes=["doc:a$size|integer:1"], data={"limit": 3})
    assert not await client.can("doc:a#download@user:ann", context=small)
    assert await client.can("doc:a#view@user:eve", context=context(attributes=["doc:a$public|boolean:true"]))


async def test_a_rule_that_cannot_be_evaluated_fails_unless_another_branch_decides(client: Client) -> None:
    await client.write("doc:a#owner@user:ann")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.can("doc:a#download@user:ann")
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (refusal.value.details() or "").startswith("failed to evaluate expression: ")
    assert not await client.can("doc:a#download@user:eve")


async def test_contextual_tuples_count_for_this_request_alone(client: Client) -> None:
    given = context("doc:a#viewer@group:g#member", "group:g#member@user:ann")
    assert await client.can("doc:a#view@user:ann", context=given)
    assert not await client.can("doc:a#view@user:ann")


async def test_contextual_tuples_need_not_fit_the_schema(client: Client) -> None:
    assert await client.can("doc:a#view@robot:r", context=context("doc:a#viewer@robot:r"))


async def test_thousands_of_contextual_tuples_are_answered(client: Client) -> None:
    rows = [f"group:g{n}#member@group:g{n + 1}#member" for n in range(3_000)]
    given = context("doc:a#viewer@group:g0#member", "group:g3000#member@user:ann", *rows)
    assert await client.can("doc:a#view@user:ann", context=given, depth=10_000)


@pytest.mark.parametrize(
    ("question", "code", "message"),
    [
        ("nothing:a#view@user:ann", grpc.StatusCode.NOT_FOUND, "ERROR_CODE_SCHEMA_NOT_FOUND"),
        ("doc:a#fly@user:ann", grpc.StatusCode.NOT_FOUND, "ERROR_CODE_SCHEMA_NOT_FOUND"),
        ("doc:a#folder@user:ann", grpc.StatusCode.NOT_FOUND, "ERROR_CODE_RULE_DEFINITION_NOT_FOUND"),
        ("small:a#view@user:ann", grpc.StatusCode.NOT_FOUND, "ERROR_CODE_ENTITY_DEFINITION_NOT_FOUND"),
    ],
)
async def test_unknown_names_are_refused_by_the_contracts_code_and_explained(
    client: Client, question: str, code: grpc.StatusCode, message: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.can(question)
    assert (refusal.value.code(), refusal.value.details()) == (code, message)
    assert any(name in explanation(refusal.value) for name in ("nothing", "fly", "folder", "small"))


async def test_a_rule_can_be_asked_directly(client: Client) -> None:
    await client.write(attributes=["doc:a$size|integer:5"])
    request = check_request("doc:a#small@user:ann", context=context(data={"limit": 6}))
    request.arguments.append(base.Argument(computed_attribute=base.ComputedAttribute(name="size")))
    assert (await client.call("Permission.Check", request)).can == ALLOWED


async def test_a_tenant_without_schema_and_an_unknown_version_are_not_found(client: Client) -> None:
    for options in ({"tenant": "empty"}, {"schema_version": "nosuchversion"}):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.can("doc:a#view@user:ann", **options)
        assert refusal.value.details() == "ERROR_CODE_SCHEMA_NOT_FOUND"


async def test_running_out_of_depth_is_an_error_and_never_a_denial(client: Client) -> None:
    chain = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(10)]
    await client.write("folder:f10#viewer@user:ann", *chain)
    assert await client.can("folder:f0#view@user:ann", depth=11)
    for question in ("folder:f0#view@user:ann", "folder:f0#view@user:eve"):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.can(question, depth=10)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert refusal.value.details() == "ERROR_CODE_DEPTH_NOT_ENOUGH"


async def test_a_cycle_contributes_nothing_and_costs_no_depth(client: Client) -> None:
    await client.write(
        "folder:a#parent@folder:b", "folder:b#parent@folder:a", "group:x#member@group:y#member",
        "group:y#member@group:x#member", "folder:b#viewer@group:x#member", "group:y#member@user:ann",
    )  # fmt: skip
    assert await client.can("folder:a#view@user:ann", depth=5)
    assert not await client.can("folder:a#view@user:eve", depth=5)


async def test_the_answer_counts_what_was_looked_at(client: Client) -> None:
    await client.write("doc:a#owner@user:ann")
    response = await client.call("Permission.Check", check_request("doc:a#owner@user:ann"))
    assert response.metadata.check_count == 1
    response = await client.call("Permission.Check", check_request("doc:a#view@user:ann"))
    assert response.metadata.check_count > 1


async def test_bulk_check_answers_in_order_and_denies_what_cannot_be_decided(client: Client) -> None:
    await client.write("doc:a#owner@user:ann", "doc:b#owner@user:bob")
    questions = ["doc:a#view@user:ann", "doc:b#view@user:ann", "doc:b#fly@user:bob", "doc:b#view@user:bob"]
    response = await client.call("Permission.BulkCheck", _bulk(questions))
    assert [result.can for result in response.results] == [ALLOWED, DENIED, DENIED, ALLOWED]
    assert response.results[2].metadata.check_count == 1


@pytest.mark.parametrize("count", [0, 101])
async def test_bulk_check_takes_one_to_a_hundred_items(client: Client, count: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.call("Permission.BulkCheck", _bulk(["doc:a#view@user:ann"] * count))
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "between 1 and 100 items" in (refusal.value.details() or "")


async def test_a_token_pins_the_snapshot_and_its_absence_means_head(client: Client) -> None:
    before = await client.write("doc:a#owner@user:ann")
    after = await client.write("doc:a#blocked@user:ann")
    assert await client.can("doc:a#view@user:ann", snap_token=before)
    assert not await client.can("doc:a#view@user:ann", snap_token=after)
    assert not await client.can("doc:a#view@user:ann")


@pytest.mark.parametrize("token", ["noop", "!!", "OTk5OTk5OTk6MTpYOg==", "OTk5OTk5OTk6OTk5OTk5OTk6MTAwMDAwMDAwOg=="])
async def test_a_token_that_cannot_be_ours_is_refused(client: Client, token: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.can("doc:a#view@user:ann", snap_token=token)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_fields_out_of_their_pattern_are_named(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.call("Permission.Check", check_request("doc:a#view@user:ann", depth=2))
    assert refusal.value.details() == (
        "invalid PermissionCheckRequest.Metadata: embedded message failed validation | caused by: "
        "invalid PermissionCheckRequestMetadata.Depth: value must be greater than or equal to 3"
    )


async def test_subject_permission_answers_every_permission_and_relation_but_no_attribute(client: Client) -> None:
    await client.write("doc:a#owner@user:ann", "doc:a#blocked@user:bob", attributes=["doc:a$public|boolean:true"])
    given = context(data={"limit": 1})
    asked = await _subject_permission(client, "user:ann", context=given)
    assert asked == {"owner": ALLOWED, "viewer": DENIED, "parent": DENIED, "blocked": DENIED, "view": ALLOWED,
                     "download": ALLOWED}  # fmt: skip
    assert await _subject_permission(client, "user:bob", context=given, only_permission=True) == {
        "view": DENIED,
        "download": DENIED,
    }


async def test_a_name_that_cannot_be_decided_fails_the_whole_subject_permission(client: Client) -> None:
    await client.write("doc:a#owner@user:ann")
    with pytest.raises(grpc.aio.AioRpcError, match="failed to evaluate expression"):
        await _subject_permission(client, "user:ann")
    assert (await _subject_permission(client, "user:bob"))["download"] == DENIED


async def test_expand_shows_how_a_permission_comes_about(client: Client) -> None:
    await client.write("doc:a#owner@user:ann", "doc:a#viewer@group:g#member", "group:g#member@user:bob")
    request = pb.PermissionExpandRequest(
        tenant_id=TENANT,
        metadata=pb.PermissionExpandRequestMetadata(),
        entity=base.Entity(type="doc", id="a"),
        permission="view",
    )
    tree = (await client.call("Permission.Expand", request)).tree
    assert (tree.entity.id, tree.permission) == ("a", "view")
    assert tree.expand.operation == base.ExpandTreeNode.OPERATION_EXCLUSION
    excluded = tree.expand.children[1]
    assert (excluded.permission, list(excluded.leaf.subjects.subjects)) == ("blocked", [])
    request.permission = "fly"
    with pytest.raises(grpc.aio.AioRpcError, match="ERROR_CODE_SCHEMA_NOT_FOUND"):
        await client.call("Permission.Expand", request)


async def _subject_permission(
    client: Client, subject: str, *, context: base.Context | None = None, only_permission: bool = False
) -> dict[str, int]:
    row = tuple_message(f"doc:a#view@{subject}")
    request = pb.PermissionSubjectPermissionRequest(
        tenant_id=TENANT,
        metadata=pb.PermissionSubjectPermissionRequestMetadata(depth=DEPTH, only_permission=only_permission),
        entity=row.entity,
        subject=row.subject,
        context=context,
    )
    return dict((await client.call("Permission.SubjectPermission", request)).results)


def _bulk(questions: list[str]) -> pb.PermissionBulkCheckRequest:
    rows = [tuple_message(question) for question in questions]
    return pb.PermissionBulkCheckRequest(
        tenant_id=TENANT,
        metadata=pb.PermissionCheckRequestMetadata(depth=DEPTH),
        items=[
            pb.PermissionBulkCheckRequestItem(entity=row.entity, permission=row.relation, subject=row.subject)
            for row in rows
        ],
    )
