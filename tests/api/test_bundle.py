"""Bundles over real gRPC: kept, read, removed and run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import grpc
import pytest

from api.bundle_changes import MAX_FILLED_CHARACTERS
from api.convert import attribute_from_proto, tuple_from_proto
from node.settings import NodeSettings
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.support.client import TENANT, Client, explanation

OWN = base.Operation(
    relationships_write=["doc:{{.id}}#owner@user:{{.uid}}"], attributes_write=["doc:{{.id}}$size|integer:{{ .n }}"]
)
DISOWN = base.Operation(
    relationships_delete=["doc:{{.id}}#owner@user:{{.uid}}"], attributes_delete=["doc:{{.id}}$size|integer:0"]
)


async def test_bundles_are_named_in_order_and_read_back_as_they_were(client: Client) -> None:
    second, first = _bundle("second", OWN, DISOWN, arguments=["id", "uid", "n"]), _bundle("first")
    assert await _write(client, second, first) == ["second", "first"]
    assert await _read(client, "second") == second
    assert await _read(client, "first") == first


async def test_a_bundle_replaces_the_one_of_its_name_in_its_tenant(client: Client) -> None:
    await _write(client, _bundle("b", OWN))
    await _write(client, _bundle("b", OWN), tenant="t2")
    await _write(client, _bundle("b", DISOWN))
    assert await _read(client, "b") == _bundle("b", DISOWN)
    assert await _read(client, "b", tenant="t2") == _bundle("b", OWN)


async def test_writing_no_bundle_gives_no_name(client: Client) -> None:
    assert await _write(client) == []


@pytest.mark.parametrize(
    ("bundle", "code", "quoted"),
    [
        (base.DataBundle(operations=[OWN]), "VALIDATION", "name"),
        (base.DataBundle(name="good"), "ALREADY_EXIST", "'good'"),
        (base.DataBundle(name="b", operations=[{"relationships_write": ["d:1#r@u:1"] * 2}]), "ALREADY_EXIST", "d:1#r@"),
        (base.DataBundle(name="b", operations=[{"attributes_write": ["{{if .x}}"]}]), "VALIDATION", "{{if .x}}"),
        (base.DataBundle(name="b", operations=[{"attributes_write": ["doc:1$x"]}]), "VALIDATION", "doc:1$x"),
    ],
)
async def test_one_bundle_that_cannot_be_stored_keeps_all_from_being_stored(
    client: Client, bundle: base.DataBundle, code: str, quoted: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _write(client, _bundle("good"), bundle)
    assert (refusal.value.code(), refusal.value.details()) == (_INVALID, f"ERROR_CODE_{code}")
    assert quoted in explanation(refusal.value)
    with pytest.raises(grpc.aio.AioRpcError):
        await _read(client, "good")


async def test_an_unknown_bundle_is_neither_read_nor_deleted_nor_run(client: Client) -> None:
    for method, request in (
        ("Bundle.Read", pb.BundleReadRequest(tenant_id=TENANT, name="no")),
        ("Bundle.Delete", pb.BundleDeleteRequest(tenant_id=TENANT, name="no")),
        ("Data.RunBundle", pb.BundleRunRequest(tenant_id=TENANT, name="no")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.call(method, request)
        assert refusal.value.code() == grpc.StatusCode.NOT_FOUND
        assert refusal.value.details() == "ERROR_CODE_BUNDLE_NOT_FOUND"
        assert "'no'" in explanation(refusal.value)


async def test_a_deleted_bundle_is_gone_and_writing_goes_on(client: Client) -> None:
    await _write(client, _bundle("b"))
    deleted = await client.call("Bundle.Delete", pb.BundleDeleteRequest(tenant_id=TENANT, name="b"))
    assert deleted.name == "b"
    for _ in range(2):
        with pytest.raises(grpc.aio.AioRpcError):
            await client.call("Bundle.Delete", pb.BundleDeleteRequest(tenant_id=TENANT, name="b"))
    assert await _write(client, _bundle("b")) == ["b"]


async def test_a_run_writes_and_deletes_at_once_and_its_token_sees_it(client: Client) -> None:
    await _write(client, _bundle("own", OWN), _bundle("disown", DISOWN))
    owned = await _run(client, "own", id="1", uid="ann", n="5")
    assert await client.can("doc:1#view@user:ann", snap_token=owned)
    assert await _stored(client) == ["doc:1#owner@user:ann", "doc:1$size|integer:5"]
    await _run(client, "disown", id="1", uid="ann")
    assert await _stored(client) == []
    assert await client.can("doc:1#view@user:ann", snap_token=owned)


async def test_inside_an_operation_what_is_written_is_deleted_after(client: Client) -> None:
    both = base.Operation()
    both.MergeFrom(OWN)
    both.MergeFrom(DISOWN)
    await _write(client, _bundle("b", both))
    await _run(client, "b", id="1", uid="ann", n="5")
    assert await _stored(client) == []


async def test_operations_run_one_after_the_other(client: Client) -> None:
    await _write(client, _bundle("b", OWN, DISOWN), _bundle("c", DISOWN, OWN))
    await _run(client, "b", id="1", uid="ann", n="5")
    assert await _stored(client) == []
    await _run(client, "c", id="1", uid="ann", n="5")
    assert await _stored(client) == ["doc:1#owner@user:ann", "doc:1$size|integer:5"]


async def test_of_several_values_for_an_attribute_the_last_counts(client: Client) -> None:
    await client.write(attributes=["doc:1$size|integer:1"])
    sizes = [base.Operation(attributes_write=[f"doc:1$size|integer:{n}"]) for n in (2, 3)]
    await _write(client, _bundle("b", *sizes))
    await _run(client, "b")
    assert await _stored(client) == ["doc:1$size|integer:3"]


async def test_deleting_an_attribute_ignores_the_value(client: Client) -> None:
    await client.write(attributes=["doc:1$size|integer:1", "doc:1$public|boolean:true"])
    await _write(client, _bundle("b", base.Operation(attributes_delete=["doc:1$size|string:any"])))
    await _run(client, "b")
    assert await _stored(client) == ["doc:1$public|boolean:true"]


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (base.Operation(relationships_write=["doc:{{.bad}}#owner@user:ann"]), "ERROR_CODE_VALIDATION"),
        (base.Operation(relationships_delete=["doc:{{.bad}}#owner@user:ann"]), "ERROR_CODE_VALIDATION"),
        (base.Operation(attributes_write=["doc:1$size|integer:{{.bad}}"]), "ERROR_CODE_VALIDATION"),
        (base.Operation(attributes_delete=["doc:{{.bad}}$size|integer:0"]), "ERROR_CODE_VALIDATION"),
        (base.Operation(relationships_write=["doc:1#fly@user:ann"]), "ERROR_CODE_RELATION_DEFINITION_NOT_FOUND"),
        (base.Operation(relationships_write=["doc:1#owner@group:g"]), "ERROR_CODE_SUBJECT_TYPE_NOT_FOUND"),
        (base.Operation(attributes_write=["doc:1$size|string:x"]), "ERROR_CODE_ATTRIBUTE_TYPE_MISMATCH"),
        (base.Operation(attributes_write=["doc:1$colour|string:x"]), "ERROR_CODE_ATTRIBUTE_DEFINITION_NOT_FOUND"),
    ],
)
async def test_one_bad_text_in_the_last_operation_keeps_all_from_being_changed(
    client: Client, last: base.Operation, code: str
) -> None:
    await client.write("doc:old#owner@user:ann")
    delete = base.Operation(relationships_delete=["doc:old#owner@user:ann"])
    await _write(client, _bundle("b", OWN, delete, last))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _run(client, "b", id="1", uid="ann", n="5", bad="no:id")
    assert refusal.value.details() == code
    assert await _stored(client) == ["doc:old#owner@user:ann"]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("g", "all#member"),
        ("id", "1#owner@user:eve"),
        ("id", "1#owner@user:eve\n"),
        ("id", "1#owner"),
        ("id", "other:1"),
        ("g", "g}}{{.id}}"),
        ("g", ""),
    ],
)
async def test_a_value_cannot_say_more_than_it_is_asked(client: Client, argument: str, value: str) -> None:
    await _write(client, _bundle("b", base.Operation(relationships_write=["doc:{{.id}}#viewer@group:{{.g}}"])))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _run(client, "b", **{"id": "1", "g": "g", argument: value})
    assert refusal.value.details() == "ERROR_CODE_VALIDATION"
    assert repr(value)[1:-1] in explanation(refusal.value)
    assert await _stored(client) == []


async def test_what_is_deleted_need_not_fit_the_schema(client: Client) -> None:
    texts = base.Operation(relationships_delete=["boat:1#sails@crew:2"], attributes_delete=["boat:1$size|string:x"])
    await _write(client, _bundle("b", texts), tenant="bare")
    request = pb.BundleRunRequest(tenant_id="bare", name="b")
    assert (await client.call("Data.RunBundle", request)).snap_token


async def test_writing_needs_a_schema(client: Client) -> None:
    await _write(client, _bundle("b", OWN), tenant="bare")
    request = pb.BundleRunRequest(tenant_id="bare", name="b", arguments={"id": "1", "uid": "ann", "n": "1"})
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.call("Data.RunBundle", request)
    assert refusal.value.details() == "ERROR_CODE_SCHEMA_NOT_FOUND"


async def test_declared_arguments_must_be_given_and_others_may(client: Client) -> None:
    await _write(client, _bundle("b", OWN, arguments=["id", "uid", "n"]))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _run(client, "b", id="1", n="5")
    assert (refusal.value.code(), refusal.value.details()) == (_INVALID, "ERROR_CODE_MISSING_ARGUMENT")
    assert "'uid'" in explanation(refusal.value)
    assert await _run(client, "b", id="1", uid="ann", n="5", more="x")


async def test_running_nothing_gives_a_token_too(client: Client) -> None:
    await _write(client, _bundle("b"))
    assert await _run(client, "b")


async def test_a_refusal_of_something_huge_still_arrives(client: Client) -> None:
    await _write(client, _bundle("b", OWN))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _run(client, "b", id="x" * 1_000_000, uid="ann", n="1")
    assert refusal.value.details() == "ERROR_CODE_VALIDATION"


async def test_a_small_request_cannot_make_a_huge_write(client: Client) -> None:
    await _write(client, _bundle("b", base.Operation(attributes_write=["doc:1$size|string:" + "{{.x}}" * 100])))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _run(client, "b", x="x" * (MAX_FILLED_CHARACTERS // 100))
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


class TestANodeThatTakesFewChangesAtOnce:
    @pytest.fixture
    def node_settings(self, node_settings: NodeSettings) -> NodeSettings:
        return replace(node_settings, database=replace(node_settings.database, max_data_per_write=3))

    async def test_counts_what_a_bundle_writes_and_deletes(self, client: Client) -> None:
        await _write(client, _bundle("three", OWN, _deleting(1)), _bundle("four", OWN, _deleting(2)))
        arguments = {"id": "1", "uid": "ann", "n": "1"}
        assert await _run(client, "three", **arguments)
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await _run(client, "four", **arguments)
        assert refusal.value.details() == "ERROR_CODE_MAX_DATA_PER_WRITE_EXCEEDED"


_INVALID = grpc.StatusCode.INVALID_ARGUMENT


def _bundle(name: str, *operations: base.Operation, arguments: Sequence[str] = ()) -> base.DataBundle:
    return base.DataBundle(name=name, arguments=arguments, operations=operations)


def _deleting(count: int) -> base.Operation:
    return base.Operation(relationships_delete=[f"doc:d{n}#owner@user:ann" for n in range(count)])


async def _write(client: Client, *bundles: base.DataBundle, tenant: str = TENANT) -> list[str]:
    response = await client.call("Bundle.Write", pb.BundleWriteRequest(tenant_id=tenant, bundles=bundles))
    return list(response.names)


async def _read(client: Client, name: str, tenant: str = TENANT) -> base.DataBundle:
    response: pb.BundleReadResponse = await client.call(
        "Bundle.Read", pb.BundleReadRequest(tenant_id=tenant, name=name)
    )
    return response.bundle


async def _run(client: Client, bundle: str, /, **arguments: str) -> str:
    request = pb.BundleRunRequest(tenant_id=TENANT, name=bundle, arguments=arguments)
    return str((await client.call("Data.RunBundle", request)).snap_token)


async def _stored(client: Client) -> list[str]:
    """Everything that is there, as text."""
    tuples = await client.call(
        "Data.ReadRelationships", pb.RelationshipReadRequest(tenant_id=TENANT, metadata={}, filter={})
    )
    attributes = await client.call(
        "Data.ReadAttributes", pb.AttributeReadRequest(tenant_id=TENANT, metadata={}, filter={})
    )
    rows = [str(tuple_from_proto(row)) for row in tuples.tuples]
    return rows + [str(attribute_from_proto(attribute)) for attribute in attributes.attributes]
