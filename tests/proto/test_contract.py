"""The built descriptors are the contract: what contract/*.tsv lists, all of it and nothing else."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.api import annotations_pb2
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from model import errors
from proto.base.v1 import base_pb2, errors_pb2, service_pb2
from proto.validate import validate_pb2

FILES: dict[str, FileDescriptor] = {
    "base": base_pb2.DESCRIPTOR,
    "errors": errors_pb2.DESCRIPTOR,
    "service": service_pb2.DESCRIPTOR,
}
NAME = r'string { pattern: "^[a-zA-Z_]{1,64}$" max_bytes: 64 }'
RULES = {  # the words of the contract's tables, as options
    "": "",
    "NAME": NAME,
    "NAME?": NAME.replace("max_bytes: 64", "max_bytes: 64 ignore_empty: true"),
    "ID": r'string { pattern: "^([a-zA-Z0-9_\\-@\\.:+]{1,128}|\\*)$" max_bytes: 128 }',
    "required": "message { required: true }",
    "≥3": "int32 { gte: 3 }",
    "0 or ≥1 (no upper bound)": "uint32 { gte: 1 ignore_empty: true }",
    "each item non-null": "repeated { items { message { required: true } } }",
    "≥1 item, each item non-null": "repeated { min_items: 1 items { message { required: true } } }",
    "≥1 item, ≤100 items": "repeated { min_items: 1 max_items: 100 }",
    "match [a-zA-Z0-9-,]+ (unanchored), ≤64 bytes": 'string { pattern: "[a-zA-Z0-9-,]+" max_bytes: 64 }',
    "≤64 bytes, empty ok": "string { max_bytes: 64 ignore_empty: true }",
}
TYPE_PREFIXES = {"base.v1.": "", "google.protobuf.": "pb.", "google.api.expr.v1alpha1.": "expr."}


def contract(name: str) -> list[list[str]]:
    with Path(__file__).with_name("contract").joinpath(name).open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


def assert_same(built: list[list[str]], wanted: list[list[str]]) -> None:
    """Both hold the same rows in any order. Only the rows that differ are compared, for a failure one can read."""
    assert [row for row in built if row not in wanted] == [row for row in wanted if row not in built]
    assert len(built) == len(wanted)


def test_the_files_are_named_as_reflection_shows_them() -> None:
    assert {file.name: file.package for file in FILES.values()} == {
        "base/v1/base.proto": "base.v1",
        "base/v1/errors.proto": "base.v1",
        "base/v1/service.proto": "base.v1",
    }


def test_every_field_is_as_the_contract_has_it() -> None:
    built = [
        [file, _short(message.full_name), *_field_facts(field)]
        for file, descriptor in FILES.items()
        for message in _messages(descriptor)
        for field in message.fields
    ]
    assert_same(built, contract("fields.tsv"))


def test_every_enum_value_is_as_the_contract_has_it() -> None:
    built = [
        [_short(enum.full_name), value.name, str(value.number)]
        for descriptor in FILES.values()
        for enum in _enums(descriptor)
        for value in enum.values
    ]
    assert_same(built, contract("enums.tsv"))


def test_every_rpc_is_as_the_contract_has_it() -> None:
    services = service_pb2.DESCRIPTOR.services_by_name.values()
    built = [_rpc_facts(method) for service in services for method in service.methods]
    assert_same(built, contract("rpcs.tsv"))


def test_no_file_but_service_has_services() -> None:
    assert [name for name, file in FILES.items() if file.services_by_name] == ["service"]


def test_no_message_turns_its_validation_off_and_no_field_has_other_options() -> None:
    for message in (message for file in FILES.values() for message in _messages(file)):
        assert not message.GetOptions().ListFields(), message.full_name
        for field in message.fields:
            options = {option.full_name for option, _ in field.GetOptions().ListFields()}
            assert options <= {"validate.rules"}, field.full_name


def test_the_errors_ringward_raises_are_codes_of_the_contract() -> None:
    assert {code.wire_name: code.value for code in errors.ErrorCode}.items() <= dict(
        errors_pb2.ErrorCode.items()
    ).items()


def _messages(file: FileDescriptor) -> Iterator[Descriptor]:
    waiting = list(file.message_types_by_name.values())
    for message in waiting:  # grows while it is walked
        waiting.extend(nested for nested in message.nested_types if not nested.GetOptions().map_entry)
        yield message


def _enums(file: FileDescriptor) -> Iterator[EnumDescriptor]:
    yield from file.enum_types_by_name.values()
    for message in _messages(file):
        yield from message.enum_types


def _field_facts(field: FieldDescriptor) -> list[str]:
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    type_name = _map_type(field.message_type) if is_map and field.message_type else _type(field)
    label = "map" if is_map else _label(field)
    return [str(field.number), field.name, type_name, label, field.json_name, _rules(field)]


def _map_type(entry: Descriptor) -> str:
    return f"map<{_type(entry.fields_by_name['key'])}, {_type(entry.fields_by_name['value'])}>"


def _type(field: FieldDescriptor) -> str:
    named = field.message_type or field.enum_type
    return _short(named.full_name) if named else FieldDescriptorProto.Type.Name(field.type)[5:].lower()  # type: ignore[arg-type]  # the stubs call it a plain int


def _short(full_name: str) -> str:
    prefix = next(prefix for prefix in TYPE_PREFIXES if full_name.startswith(prefix))
    return TYPE_PREFIXES[prefix] + full_name.removeprefix(prefix)


def _label(field: FieldDescriptor) -> str:
    if (oneof := field.containing_oneof) is not None:
        required: bool = _extension(oneof.GetOptions(), validate_pb2.required)
        return f"oneof {oneof.name}" + "!" * required
    return "repeated" if field.is_repeated else "optional"


def _rules(field: FieldDescriptor) -> str:
    stated = _extension(field.GetOptions(), validate_pb2.rules)
    for words, options in RULES.items():
        if stated == text_format.Parse(options, validate_pb2.FieldRules()):
            return words
    return str(stated)


def _extension(options: Any, extension: FieldDescriptor) -> Any:
    """The value of a custom option; the stubs that protoc writes do not tell its type."""
    return options.Extensions[extension]


def _rpc_facts(method: MethodDescriptor) -> list[str]:
    http = _extension(method.GetOptions(), annotations_pb2.http)
    assert not http.additional_bindings
    assert not method.client_streaming
    verb = http.WhichOneof("pattern")
    kind = "server stream" if method.server_streaming else "unary"
    types = [_short(method.input_type.full_name), _short(method.output_type.full_name)]
    return [method.containing_service.name, method.name, *types, kind, verb.upper(), getattr(http, verb), http.body]
