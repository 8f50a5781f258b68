"""Requests that break a rule of the contract are refused, in the words clients know, at the first field that does."""

from __future__ import annotations

import csv
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, symbol_database, text_format
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from api.validation import check_fields
from model.errors import InvalidRequest
from proto.base.v1 import base_pb2, service_pb2
from proto.validate import validate_pb2

NAME_PATTERN = '"^[a-zA-Z_]{1,64}$"'
ID_PATTERN = r'"^([a-zA-Z0-9_\\-@\\.:+]{1,128}|\\*)$"'  # backslashes doubled, as on the wire

NAME_CHARACTERS = string.ascii_letters + "_"
ID_CHARACTERS = string.ascii_letters + string.digits + "_-@.:+"

names = st.text(NAME_CHARACTERS, min_size=1, max_size=64)
ids = st.text(ID_CHARACTERS, min_size=1, max_size=128) | st.just("*")


def check_request(**changes: Any) -> service_pb2.PermissionCheckRequest:
    parts: dict[str, Any] = {
        "tenant_id": "t1",
        "metadata": {"depth": 3},
        "entity": {"type": "doc", "id": "1"},
        "permission": "view",
        "subject": {"type": "user", "id": "7"},
    }
    return service_pb2.PermissionCheckRequest(**(parts | changes))


def failure_of(message: Message) -> str | None:
    try:
        check_fields(message)
    except InvalidRequest as error:
        return str(error)
    return None


# What is right


def test_a_complete_request_passes() -> None:
    assert failure_of(check_request()) is None


@given(tenant=ids, kind=names, entity=ids, permission=names, subject=ids, relation=names | st.just(""))
def test_all_names_and_ids_of_the_contract_pass(
    tenant: str, kind: str, entity: str, permission: str, subject: str, relation: str
) -> None:
    request = check_request(
        tenant_id=tenant,
        entity={"type": kind, "id": entity},
        permission=permission,
        subject={"type": kind, "id": subject, "relation": relation},
    )
    assert failure_of(request) is None


@given(depth=st.integers(3, 2**31 - 1), page_size=st.integers(0, 2**32 - 1))
def test_depth_has_no_upper_bound_and_page_size_none_at_all(depth: int, page_size: int) -> None:
    request = service_pb2.PermissionLookupEntityRequest(
        tenant_id="t1",
        metadata={"depth": depth},
        entity_type="doc",
        permission="view",
        subject={"type": "user", "id": "7"},
        page_size=page_size,
    )
    assert failure_of(request) is None


def test_an_empty_object_is_enough_where_a_message_is_required() -> None:
    read = service_pb2.RelationshipReadRequest(tenant_id="t1", metadata={}, filter={})
    assert failure_of(read) is None


def test_an_attribute_may_hold_anything() -> None:
    broken = any_pb2.Any(type_url="type.googleapis.com/base.v1.Unknown", value=b"\xff")
    attribute = base_pb2.Attribute(entity={"type": "doc", "id": "1"}, attribute="ö 1", value=broken)
    assert failure_of(attribute) is None


# What is wrong, in the contract's words


def test_a_broken_rule_has_no_code_of_the_contract() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_fields(check_request(tenant_id=""))
    assert caught.value.code is None


def test_a_name_out_of_its_pattern() -> None:
    wanted = f"invalid PermissionCheckRequest.Permission: value does not match regex pattern {NAME_PATTERN}"
    assert failure_of(check_request(permission="view2")) == wanted


def test_an_id_out_of_its_pattern_shows_the_pattern_with_doubled_backslashes() -> None:
    wanted = f"invalid PermissionCheckRequest.TenantId: value does not match regex pattern {ID_PATTERN}"
    assert failure_of(check_request(tenant_id="")) == wanted


def test_size_speaks_before_the_pattern_and_counts_bytes() -> None:
    wanted = "invalid PermissionCheckRequest.Permission: value length must be at most 64 bytes"
    assert failure_of(check_request(permission="1" * 65)) == wanted
    assert failure_of(check_request(permission="é" * 33)) == wanted
    wanted = "invalid PermissionCheckRequest.TenantId: value length must be at most 128 bytes"
    assert failure_of(check_request(tenant_id="a" * 129)) == wanted


def test_a_missing_message() -> None:
    assert failure_of(check_request(entity=None)) == "invalid PermissionCheckRequest.Entity: value is required"


@pytest.mark.parametrize("depth", [-(2**31), -1, 0, 2])
def test_a_shallow_depth(depth: int) -> None:
    assert failure_of(check_request(metadata={"depth": depth})) == (
        "invalid PermissionCheckRequest.Metadata: embedded message failed validation | caused by: "
        "invalid PermissionCheckRequestMetadata.Depth: value must be greater than or equal to 3"
    )


def test_a_fault_two_levels_down_in_a_list() -> None:
    context = {"tuples": [_tuple(), _tuple(subject={"type": "user"})]}
    assert failure_of(check_request(context=context)) == (
        "invalid PermissionCheckRequest.Context: embedded message failed validation | caused by: "
        "invalid Context.Tuples[1]: embedded message failed validation | caused by: "
        "invalid Tuple.Subject: embedded message failed validation | caused by: "
        f"invalid Subject.Id: value does not match regex pattern {ID_PATTERN}"
    )


def test_a_list_too_short() -> None:
    request = service_pb2.RelationshipWriteRequest(tenant_id="t1", metadata={})
    assert failure_of(request) == "invalid RelationshipWriteRequest.Tuples: value must contain at least 1 item(s)"


@pytest.mark.parametrize(("items", "right"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_bulk_check_asks_1_to_100_questions(items: int, *, right: bool) -> None:
    item = {"entity": {"type": "doc", "id": "1"}, "permission": "view", "subject": {"type": "user", "id": "7"}}
    request = service_pb2.PermissionBulkCheckRequest(tenant_id="t1", metadata={"depth": 3}, items=[item] * items)
    wanted = "invalid PermissionBulkCheckRequest.Items: value must contain between 1 and 100 items, inclusive"
    assert failure_of(request) == (None if right else wanted)


def test_the_number_of_items_speaks_before_the_items() -> None:
    request = service_pb2.PermissionBulkCheckRequest(tenant_id="t1", metadata={"depth": 3}, items=[{}] * 101)
    assert (failure_of(request) or "").endswith("between 1 and 100 items, inclusive")


def test_an_argument_is_looked_into() -> None:
    assert failure_of(check_request(arguments=[{}, {"computed_attribute": {"name": "a.b"}}])) == (
        "invalid PermissionCheckRequest.Arguments[1]: embedded message failed validation | caused by: "
        "invalid Argument.ComputedAttribute: embedded message failed validation | caused by: "
        f"invalid ComputedAttribute.Name: value does not match regex pattern {NAME_PATTERN}"
    )


def test_a_oneof_that_must_be_set_and_a_type_that_contains_itself() -> None:
    assert failure_of(base_pb2.Child()) == "invalid Child.Type: value is required"
    leaf = base_pb2.Child(leaf={"computed_user_set": {"relation": "owner"}})
    assert failure_of(leaf) is None
    assert failure_of(base_pb2.Child(rewrite={"children": [leaf, base_pb2.Child()]})) == (
        "invalid Child.Rewrite: embedded message failed validation | caused by: "
        "invalid Rewrite.Children[1]: embedded message failed validation | caused by: "
        "invalid Child.Type: value is required"
    )


def test_the_first_field_by_number_speaks() -> None:
    request = check_request(tenant_id="t 1", metadata=None, permission="")
    assert "invalid PermissionCheckRequest.TenantId: " in str(failure_of(request))
    request.tenant_id = "t1"
    assert "invalid PermissionCheckRequest.Metadata: " in str(failure_of(request))
    request.metadata.depth = 3
    assert "invalid PermissionCheckRequest.Permission: " in str(failure_of(request))
    request.permission = "view"
    assert failure_of(request) is None


def test_values_of_a_map_are_looked_into_in_the_order_of_the_keys() -> None:
    right, wrong = base_pb2.EntityDefinition(name="doc"), base_pb2.EntityDefinition(name="1")
    schema = base_pb2.SchemaDefinition(entity_definitions=dict.fromkeys("hgfedcb", wrong) | {"a": right})
    assert failure_of(schema) == (
        "invalid SchemaDefinition.EntityDefinitions[b]: embedded message failed validation | caused by: "
        f"invalid EntityDefinition.Name: value does not match regex pattern {NAME_PATTERN}"
    )


# The edges of the patterns


@given(text=names, at=st.integers(0, 64), character=st.characters(exclude_characters=NAME_CHARACTERS, codec="utf-8"))
def test_any_other_character_spoils_a_name(text: str, at: int, character: str) -> None:
    kept = text[:60]
    failure = failure_of(check_request(permission=kept[:at] + character + kept[at:]))
    assert failure == f"invalid PermissionCheckRequest.Permission: value does not match regex pattern {NAME_PATTERN}"


@given(text=ids, at=st.integers(0, 128), character=st.characters(exclude_characters=ID_CHARACTERS, codec="utf-8"))
def test_any_other_character_spoils_an_id(text: str, at: int, character: str) -> None:
    kept = text[:120].replace("*", "a")
    failure = failure_of(check_request(tenant_id=kept[:at] + character + kept[at:]))
    assert failure == f"invalid PermissionCheckRequest.TenantId: value does not match regex pattern {ID_PATTERN}"


@pytest.mark.parametrize("spoilt", ["view\n", "\nview", "vie\u0301w", "\u0430dmin", "view\x00", " view", "view\u0663"])
def test_a_newline_at_the_end_and_letters_that_only_look_latin_spoil_a_name(spoilt: str) -> None:
    assert failure_of(check_request(permission=spoilt)) is not None


@pytest.mark.parametrize("spoilt", ["1\n", "*\n", "**", "*a", "a*", "\u0661", "\uff11", "a/b", "a b", "a,b", "a\\b"])
def test_ids_that_are_nearly_right(spoilt: str) -> None:
    assert failure_of(check_request(tenant_id=spoilt)) is not None


@pytest.mark.parametrize("tenant", ["a", "a b", "a_b", "ü-", ",", "é" * 31 + "-1"])
def test_a_new_tenant_needs_only_one_letter_digit_dash_or_comma(tenant: str) -> None:
    assert failure_of(service_pb2.TenantCreateRequest(id=tenant)) is None


@pytest.mark.parametrize("tenant", ["", "_", "ü", "\n"])
def test_a_new_tenant_without_any_of_them_is_refused(tenant: str) -> None:
    failure = failure_of(service_pb2.TenantCreateRequest(id=tenant))
    assert failure == 'invalid TenantCreateRequest.Id: value does not match regex pattern "[a-zA-Z0-9-,]+"'


# Every rule of the contract's tables

ROWS = [
    row
    for row in csv.DictReader(
        (Path(__file__).parents[1] / "proto/contract/fields.tsv").read_text(encoding="utf-8").splitlines(),
        delimiter="\t",
        quoting=csv.QUOTE_NONE,
    )
    if row["file"] != "errors"
]
RIGHT: dict[str, object] = {
    "NAME": "name",
    "NAME?": "",
    "ID": "id-1",
    "≥3": 3,
    "0 or ≥1 (no upper bound)": 0,
    "match [a-zA-Z0-9-,]+ (unanchored), ≤64 bytes": "tenant",
    "≤64 bytes, empty ok": "",
}
NO_NAME = f"value does not match regex pattern {NAME_PATTERN}"
NO_ID = f"value does not match regex pattern {ID_PATTERN}"
WRONG: dict[str, list[tuple[object, str]]] = {
    "NAME": [("", NO_NAME), ("a1", NO_NAME), ("a" * 65, "value length must be at most 64 bytes")],
    "NAME?": [("a1", NO_NAME), ("a" * 65, "value length must be at most 64 bytes")],
    "ID": [("", NO_ID), ("a b", NO_ID), ("a" * 129, "value length must be at most 128 bytes")],
    "≥3": [(0, "value must be greater than or equal to 3"), (2, "value must be greater than or equal to 3")],
    "match [a-zA-Z0-9-,]+ (unanchored), ≤64 bytes": [("a" * 65, "value length must be at most 64 bytes")],
    "≤64 bytes, empty ok": [("é" * 33, "value length must be at most 64 bytes")],
    "required": [(None, "value is required")],
    "≥1 item, ≤100 items": [(None, "value must contain between 1 and 100 items, inclusive")],
    "≥1 item, each item non-null": [(None, "value must contain at least 1 item(s)")],
}
BREAKS = [
    pytest.param(row, value, words, id=f"{row['message']}.{row['name']}-{words[:24]}")
    for row in ROWS
    for value, words in WRONG.get(row["rules"], [])
    if not row["label"].startswith("oneof")
]


@pytest.mark.parametrize("message", sorted({row["message"] for row in ROWS}))
def test_every_message_of_the_contract_can_be_checked_and_has_a_right_form(message: str) -> None:
    assert failure_of(right_form(message)) is None


@pytest.mark.parametrize(("row", "value", "words"), BREAKS)
def test_every_rule_of_the_contract_is_kept(row: dict[str, str], value: object, words: str) -> None:
    message = right_form(row["message"])
    if value is None:
        message.ClearField(row["name"])
    else:
        setattr(message, row["name"], value)
    field = "".join(word[0].upper() + word[1:] for word in row["name"].split("_"))
    assert failure_of(message) == f"invalid {row['message']}.{field}: {words}"


def right_form(name: str) -> Message:
    """The smallest message of the type that obeys the tables: what is needed is there, the rest is not."""
    message: Message = symbol_database.Default().GetSymbol(f"base.v1.{name}")()
    taken: set[str] = set()
    for row in (row for row in ROWS if row["message"] == name):
        rules, label = row["rules"], row["label"]
        if rules in RIGHT:
            setattr(message, row["name"], RIGHT[rules])
        elif (label.endswith("!") and label not in taken) or (rules == "required" and not label.endswith("!")):
            part = right_form(row["type"]) if not row["type"].startswith("pb.") else any_pb2.Any()
            getattr(message, row["name"]).CopyFrom(part)
            getattr(message, row["name"]).SetInParent()
        elif rules.startswith("≥1 item"):
            getattr(message, row["name"]).append(right_form(row["type"]))
        taken.add(label)
    return message


# Rules the contract does not use


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("STRING", "string { min_len: 1 }"),
        ("STRING", "string { email: true }"),
        ("STRING", "string { }"),
        ("STRING", 'string { pattern: "^a$" not_in: "b" }'),
        ("STRING", 'string { pattern: "^(a$|b)" }'),
        ("STRING", r'string { pattern: "a\\$" }'),
        ("INT32", "int32 { lte: 3 }"),
        ("INT32", "int32 { gte: 3 ignore_empty: true }"),
        ("UINT32", "uint32 { in: 3 }"),
        ("BOOL", "bool { const: true }"),
        ("MESSAGE", "message { skip: true }"),
        ("MESSAGE", "any { required: true }"),
        ("MESSAGE", "duration { const { } }"),
        ("REPEATED", "repeated { max_items: 3 }"),
        ("REPEATED", "repeated { min_items: 3 unique: true }"),
        ("REPEATED", "repeated { items { string { max_bytes: 3 } } }"),
    ],
)
def test_a_rule_of_an_unknown_kind_is_refused_even_where_nothing_is_set(kind: str, rules: str) -> None:
    with pytest.raises(NotImplementedError, match=r"Part\.field|pattern"):
        check_fields(invented(kind, rules)())


@pytest.mark.parametrize("option", ["disabled", "ignored"])
def test_a_message_that_turns_its_validation_off_is_refused(option: str) -> None:
    extension: Any = getattr(validate_pb2, option)

    def turn_off(part: descriptor_pb2.DescriptorProto) -> None:
        part.options.Extensions[extension] = True

    with pytest.raises(NotImplementedError, match="Part"):
        check_fields(invented("STRING", "", turn_off)())


def test_classes_in_a_pattern_are_those_of_ascii() -> None:
    outer: Any = invented("STRING", r'string { pattern: "^\\w\\d$" }')()
    outer.part.field = "a1"
    check_fields(outer)
    outer.part.field = "\u0430\u0661"
    assert (failure_of(outer) or "").endswith(r'value does not match regex pattern "^\\w\\d$"')


def test_a_rule_the_contract_uses_is_kept_in_any_message() -> None:
    outer: Any = invented("INT32", "int32 { gte: -1 }")()
    outer.part.field = -1
    check_fields(outer)
    outer.part.field = -2
    wanted = (
        "invalid Outer.Part: embedded message failed validation | caused by: "
        "invalid Part.Field: value must be greater than or equal to -1"
    )
    assert failure_of(outer) == wanted


def invented(
    kind: str, rules: str, change: Callable[[descriptor_pb2.DescriptorProto], None] = lambda _: None
) -> type[Message]:
    """A message type ``Outer { Part part = 1; }`` where the ``field`` of Part has the kind and the rules."""
    file = descriptor_pb2.FileDescriptorProto(name="invented.proto", package="invented", syntax="proto3")
    part, outer = file.message_type.add(name="Part"), file.message_type.add(name="Outer")
    field = part.field.add(name="field", number=1, label="LABEL_OPTIONAL")
    if kind == "REPEATED":
        field.label, field.type = field.LABEL_REPEATED, field.TYPE_STRING
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind}")
    if kind == "MESSAGE":
        field.type_name = ".invented.Part"
    extension: Any = validate_pb2.rules
    field.options.Extensions[extension].CopyFrom(text_format.Parse(rules, validate_pb2.FieldRules()))
    outer.field.add(name="part", number=1, label="LABEL_OPTIONAL", type="TYPE_MESSAGE", type_name=".invented.Part")
    change(part)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("invented.Outer"))


def _tuple(**changes: Any) -> base_pb2.Tuple:
    parts: dict[str, Any] = {
        "entity": {"type": "doc", "id": "1"},
        "relation": "viewer",
        "subject": {"type": "user", "id": "7"},
    }
    return base_pb2.Tuple(**(parts | changes))
