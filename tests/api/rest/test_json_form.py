"""Messages as the contract's gateway writes and reads them, and what is said about what cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from api.rest.json_form import from_json, to_json
from model.errors import InvalidRequest
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from proto.google.api.expr.v1alpha1 import syntax_pb2 as cel

VALUE = "type.googleapis.com/base.v1."


def written(message: Any) -> Any:
    return json.loads(to_json(message))


def read(body: str | bytes) -> pb.PermissionCheckRequest:
    return from_json(body.encode() if isinstance(body, str) else body, pb.PermissionCheckRequest)


# --- writing ---


def test_what_is_not_set_is_zero_empty_or_null() -> None:
    assert written(pb.PermissionCheckResponse()) == {"can": "CHECK_RESULT_UNSPECIFIED", "metadata": None}
    assert written(pb.RelationshipReadResponse()) == {"tuples": [], "continuous_token": ""}
    assert written(pb.PermissionSubjectPermissionResponse()) == {"results": {}}
    assert written(base.Tenant(id="x")) == {"id": "x", "name": "", "created_at": None}


def test_nulls_stand_in_lists_in_maps_and_however_deep() -> None:
    permission = base.PermissionDefinition(name="view")
    entity = base.EntityDefinition(permissions={"view": permission})
    schema = pb.SchemaReadResponse(schema=base.SchemaDefinition(entity_definitions={"doc": entity}))
    assert written(schema)["schema"]["entity_definitions"]["doc"]["permissions"]["view"] == {
        "name": "view",
        "child": None,
    }
    assert written(base.Tuples(tuples=[base.Tuple()])) == {
        "tuples": [{"entity": None, "relation": "", "subject": None}]
    }


def test_members_of_a_oneof_are_there_only_if_set() -> None:
    assert written(base.Expand()) == {"entity": None, "permission": "", "arguments": []}
    change = base.DataChange(operation=base.DataChange.OPERATION_CREATE, tuple=base.Tuple(relation="r"))
    assert written(change) == {
        "operation": "OPERATION_CREATE",
        "tuple": {"entity": None, "relation": "r", "subject": None},
    }


def test_names_are_those_of_the_proto_file() -> None:
    assert written(base.TupleToUserSet()) == {"tupleSet": None, "computed": None}
    assert "rewrite_operation" in written(base.Rewrite())


def test_an_any_names_its_type_and_wide_integers_are_strings() -> None:
    packed = PackedAny()
    packed.Pack(base.StringValue(data="ü"))
    assert written(base.Attribute(attribute="a", value=packed)) == {
        "entity": None,
        "attribute": "a",
        "value": {"@type": VALUE + "StringValue", "data": "ü"},
    }
    assert written(cel.Constant(int64_value=2**60)) == {"int64_value": str(2**60)}
    stamp = Timestamp(seconds=1, nanos=500_000_000)
    assert written(base.Tenant(created_at=stamp))["created_at"] == "1970-01-01T00:00:01.500Z"


# --- reading ---


@pytest.mark.parametrize(
    "body", ["", "{}", '{"unknown": {"a": [1]}, "": 1}', '{"entity": null}', ' {"context":null}\n']
)
def test_what_says_nothing_is_a_message_without_fields(body: str) -> None:
    assert read(body) == pb.PermissionCheckRequest()


def test_both_spellings_of_a_field_are_read() -> None:
    assert read('{"context": {}}').HasField("context")
    filter_ = from_json(b'{"tupleSet": {"relation": "parent"}}', base.TupleToUserSet)
    assert filter_.tupleSet.relation == "parent"
    rule_names = [from_json(text, base.Call).rule_name for text in (b'{"rule_name": "a"}', b'{"ruleName": "a"}')]
    assert rule_names == ["a", "a"]


@pytest.mark.parametrize("text", ["7", '"7"', "7.0"])
def test_an_integer_may_be_a_number_or_its_digits(text: str) -> None:
    body = f'{{"@type": "{VALUE}IntegerValue", "data": {text}}}'
    value = base.IntegerValue()
    from_json(f'{{"value": {body}}}'.encode(), base.Attribute).value.Unpack(value)
    assert value.data == 7


CHECK_DEPTH = "PermissionCheckRequest.metadata.depth"
ATTRIBUTE = "PermissionCheckRequest.context.attributes[0]"
REFUSED = {
    "{": "not JSON: Expecting property name enclosed in double quotes: line 1 column 2",
    '{"entity": {}': "not JSON: Expecting ',' delimiter: line 1 column 14",
    "[]": "expected an object at PermissionCheckRequest, got []",
    '"entity"': 'expected an object at PermissionCheckRequest, got "entity"',
    '{"entity": "doc:1"}': 'expected an object at PermissionCheckRequest.entity, got "doc:1"',
    '{"entity": ["doc"]}': "expected an object at PermissionCheckRequest.entity",
    '{"context": {"tuples": [null]}}': "expected an object at PermissionCheckRequest.context.tuples[0], got null",
    '{"context": {"tuples": "x"}}': "repeated field tuples must be in []",
    '{"metadata": {"depth": 1.5}}': f"Couldn't parse integer: 1.5 at {CHECK_DEPTH}",
    '{"metadata": {"depth": "deep"}}': "metadata.depth: expected an integer, got 'deep'",
    '{"metadata": {"depth": 99999999999}}': "metadata.depth: Value out of range: 99999999999",
    '{"metadata": {"depth": true}}': f"not acceptable for integer field at {CHECK_DEPTH}",
    '{"permission": 5}': "permission: expected a string",
    '{"permission": "\\ud800"}': "Unpaired surrogate at PermissionCheckRequest.permission",
    '{"context": {"data": {"\\ud800": 1}}}': "surrogates not allowed",
    '{"permission": "a", "permission": "b"}': 'the name "permission" twice',
    '{"context": {"data": {"x": NaN}}}': "bare NaN",
    '{"context": {"data": {"x": 1e999}}}': "out of range: 1e999",
    '{"context": {"data": {"x": 1' + "0" * 400 + "}}}": "int too large to convert to float",
    "9" * 5_000: "thousands of digits",
    "[" * 100_000: "nested too deep",
    '{"context": {"data": {"x": ' + "[" * 200 + "]" * 200 + "}}}": "too deep",
    '{"context": {"attributes": [{"value": "x"}]}}': f"expected an object at {ATTRIBUTE}.value",
    '{"context": {"attributes": [{"value": {"data": 1}}]}}': f'expected an "@type" at {ATTRIBUTE}.value',
    '{"context": {"attributes": [{"value": {"@type": "x/base.v1.Nope"}}]}}': "x/base.v1.Nope at",
    '{"context": {"attributes": [{"value": {"@type": "t/google.protobuf.Duration"}}]}}': "'value' is missing",
}


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: body[:60])
def test_what_cannot_be_read_is_refused_with_its_place_and_without_our_insides(body: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(body)
    assert REFUSED[body] in str(refusal.value)
    assert len(str(refusal.value)) < 500
    assert "Failed to parse" not in str(refusal.value)
    str(refusal.value).encode()


def test_bytes_that_are_no_text_are_refused_by_their_place() -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8: byte 2 is 0xff"):
        read(b'{"\xff"}')


NAMES = st.sampled_from(
    ["metadata", "depth", "entity", "context", "data", "attributes", "value", "@type", "type", "id"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(VALUE + "DoubleArrayValue"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=4),
    max_leaves=15,
)


def read_or_refused(body: bytes) -> pb.PermissionCheckRequest | str:
    """The request, or why there is none; nothing else is raised."""
    try:
        return read(body)
    except InvalidRequest as error:
        return str(error)


@given(JSON)
def test_any_json_is_a_request_or_is_refused(value: Any) -> None:
    request = read_or_refused(json.dumps(value).encode())
    assert request if isinstance(request, str) else read(to_json(request)) == request


@given(st.binary(max_size=30))
def test_any_bytes_are_a_request_or_are_refused(body: bytes) -> None:
    assert read_or_refused(body) != ""
