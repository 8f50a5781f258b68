"""The data service over real gRPC."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from api.convert import attribute_to_proto
from model.attributes import Attribute
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.support.client import TENANT, Client, explanation, tuple_message


async def test_what_was_written_is_read_back_in_pages(client: Client) -> None:
    rows = [f"doc:d{n}#owner@user:ann" for n in range(7)]
    await client.write(*rows)
    read, token = [], ""
    while True:
        response = await _read(client, page_size=3, continuous_token=token)
        read += [_text(row) for row in response.tuples]
        if not (token := response.continuous_token):
            break
    assert read == rows


async def test_attributes_of_every_kind_come_back_as_they_were(client: Client) -> None:
    await client.write_schema(_EVERY_KIND)
    given = [
        "thing:a$b|boolean:true", "thing:a$bs|boolean[]:true,false", "thing:a$s|string:x", "thing:a$ss|string[]:x,y",
        "thing:a$i|integer:-3", "thing:a$is|integer[]:1,2", "thing:a$d|double:1.5", "thing:a$ds|double[]:1.5,2.0",
    ]  # fmt: skip
    await client.write(attributes=given)
    response = await client.call(
        "Data.ReadAttributes",
        pb.AttributeReadRequest(
            tenant_id=TENANT, metadata=pb.AttributeReadRequestMetadata(), filter=base.AttributeFilter()
        ),
    )
    assert list(response.attributes) == [attribute_to_proto(Attribute.parse(text)) for text in given]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("nothing:a#owner@user:ann", "ERROR_CODE_SCHEMA_NOT_FOUND"),
        ("group:g#member@group:g#member", "ERROR_CODE_ENTITY_AND_SUBJECT_CANNOT_BE_EQUAL"),
        ("doc:a#fly@user:ann", "ERROR_CODE_RELATION_DEFINITION_NOT_FOUND"),
        ("doc:a#view@user:ann", "ERROR_CODE_RELATION_DEFINITION_NOT_FOUND"),
        ("doc:a#owner@group:g", "ERROR_CODE_SUBJECT_TYPE_NOT_FOUND"),
        ("doc:a#viewer@group:g", "ERROR_CODE_SUBJECT_TYPE_NOT_FOUND"),
    ],
)
async def test_one_tuple_the_schema_does_not_admit_keeps_all_from_being_written(
    client: Client, row: str, code: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.write("doc:a#owner@user:ann", row)
    assert refusal.value.details() == code
    assert explanation(refusal.value) != code
    assert not (await _read(client)).tuples


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("doc:a$colour|string:red", "ERROR_CODE_ATTRIBUTE_DEFINITION_NOT_FOUND"),
        ("doc:a$size|string:red", "ERROR_CODE_ATTRIBUTE_TYPE_MISMATCH"),
    ],
)
async def test_an_attribute_the_schema_does_not_admit_is_refused(client: Client, text: str, code: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.write("doc:a#owner@user:ann", attributes=[text])
    assert (refusal.value.code(), refusal.value.details()) == (grpc.StatusCode.NOT_FOUND, code)
    assert not (await _read(client)).tuples


async def test_a_refusal_that_quotes_a_huge_value_still_reaches_the_client(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.write(attributes=[f"doc:a$size|string:{'x' * 1_000_000}"])
    assert refusal.value.details() == "ERROR_CODE_ATTRIBUTE_TYPE_MISMATCH"
    assert len(explanation(refusal.value)) < 2_000


async def test_an_attribute_without_a_known_value_type_is_a_mismatch(client: Client) -> None:
    request = _write_request()
    request.attributes.add(entity=base.Entity(type="doc", id="a"), attribute="size")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.call("Data.Write", request)
    assert refusal.value.details() == "ERROR_CODE_ATTRIBUTE_TYPE_MISMATCH"


async def test_of_several_values_in_one_request_the_first_counts(client: Client) -> None:
    await client.write("doc:a#owner@user:ann", attributes=["doc:a$public|boolean:true", "doc:a$public|boolean:false"])
    assert await client.can("doc:a#view@user:eve")


async def test_more_than_the_limit_in_one_write_is_refused_and_repetitions_count_once(client: Client) -> None:
    rows = [f"doc:d{n}#owner@user:ann" for n in range(1_000)]
    await client.write(*rows, *rows[:5])
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.write(*rows, "doc:more#owner@user:ann")
    assert refusal.value.details() == "ERROR_CODE_MAX_DATA_PER_WRITE_EXCEEDED"


async def test_deleting_needs_a_filter_that_restricts_something(client: Client) -> None:
    await client.write("doc:a#owner@user:ann")
    everything = pb.DataDeleteRequest(
        tenant_id=TENANT, tuple_filter=base.TupleFilter(), attribute_filter=base.AttributeFilter()
    )
    for method, request in (
        ("Data.Delete", everything),
        ("Data.DeleteRelationships", pb.RelationshipDeleteRequest(tenant_id=TENANT)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.call(method, request)
        assert refusal.value.details() == "ERROR_CODE_VALIDATION"
    assert await client.can("doc:a#view@user:ann")


async def test_delete_takes_what_either_filter_matches_and_old_tokens_still_see_it(client: Client) -> None:
    before = await client.write(
        "doc:a#owner@user:ann", "doc:b#owner@user:ann", attributes=["doc:b$public|boolean:true"]
    )
    request = pb.DataDeleteRequest(
        tenant_id=TENANT,
        tuple_filter=base.TupleFilter(entity=base.EntityFilter(type="doc", ids=["a"])),
        attribute_filter=base.AttributeFilter(attributes=["public"]),
    )
    after = (await client.call("Data.Delete", request)).snap_token
    assert not await client.can("doc:a#view@user:ann", snap_token=after)
    assert await client.can("doc:b#view@user:ann", snap_token=after)
    assert not await client.can("doc:b#view@user:eve", snap_token=after)
    assert await client.can("doc:b#view@user:eve", snap_token=before)


async def test_a_bad_continuous_token_is_refused(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await _read(client, continuous_token="not a token")
    assert refusal.value.details() == "ERROR_CODE_INVALID_CONTINUOUS_TOKEN"


async def test_tenants_do_not_see_each_other(client: Client) -> None:
    await client.write("doc:a#owner@user:ann")
    assert not (await _read(client, tenant_id="t2")).tuples


class TestADurableNode:
    @pytest.fixture
    def node_settings(self, node_settings: NodeSettings, tmp_path: Path) -> NodeSettings:
        database = DatabaseSettings(engine=DatabaseEngine.SQLITE, path=tmp_path / "below" / "ringward.db")
        return replace(node_settings, database=database)

    async def test_keeps_its_data_in_a_file_it_makes(self, client: Client, node_settings: NodeSettings) -> None:
        await client.write("doc:a#owner@user:ann")
        assert await client.can("doc:a#view@user:ann")
        assert node_settings.database.path.stat().st_size > 0


_EVERY_KIND = """
entity thing {
  attribute b boolean
  attribute bs boolean[]
  attribute s string
  attribute ss string[]
  attribute i integer
  attribute is integer[]
  attribute d double
  attribute ds double[]
}
"""


async def _read(client: Client, **fields: object) -> pb.RelationshipReadResponse:
    request = pb.RelationshipReadRequest(
        **{"tenant_id": TENANT, "metadata": {}, "filter": {}, **fields}  # type: ignore[arg-type]  # mixed by design
    )
    response: pb.RelationshipReadResponse = await client.call("Data.ReadRelationships", request)
    return response


def _write_request(*rows: str) -> pb.DataWriteRequest:
    return pb.DataWriteRequest(
        tenant_id=TENANT, metadata=pb.DataWriteRequestMetadata(), tuples=[tuple_message(row) for row in rows]
    )


def _text(row: base.Tuple) -> str:
    return f"{row.entity.type}:{row.entity.id}#{row.relation}@{row.subject.type}:{row.subject.id}"
