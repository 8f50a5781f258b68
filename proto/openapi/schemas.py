"""Messages as JSON Schemas, with the rules of the contract as far as JSON Schema can say them.

Source: ProtoJSON for the forms of well-known types; reference wire-api §3 for what is written when a field is not set.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from proto.validate import validate_pb2
from proto.validate.validate_pb2 import FieldRules

Schema = dict[str, Any]

ATTRIBUTE_VALUE = "AttributeValue"
"""The name of the schema of every Any: the contract has them for attribute values alone."""

_RULES: Any = validate_pb2.rules  # the stubs do not know what it extends
_OWN_PACKAGE = "base.v1."
_WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Any": {"$ref": f"#/components/schemas/{ATTRIBUTE_VALUE}"},
    "google.protobuf.Duration": {"type": "string", "examples": ["1.5s"]},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.NullValue": {"type": "null"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Value": {},
}
_INT32 = {"type": "integer", "format": "int32", "maximum": 2**31 - 1}
_UINT32 = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**32 - 1}
_SCALARS: Mapping[int, Schema] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "format": "uint64"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
}


def schema_name(kind: Descriptor | EnumDescriptor) -> str:
    """What a type is called in the document."""
    name: str = kind.full_name
    return name.removeprefix(_OWN_PACKAGE)


def reference(kind: Descriptor | EnumDescriptor) -> Schema:
    """A reference to the schema of a type; of a well-known one, the schema itself."""
    well_known = _WELL_KNOWN.get(kind.full_name)
    return dict(well_known) if well_known is not None else {"$ref": f"#/components/schemas/{schema_name(kind)}"}


def schemas_of(
    requests: Collection[Descriptor],
    responses: Collection[Descriptor],
    comments: Mapping[str, str],
    *,
    left_out: Callable[[FieldDescriptor], bool],
) -> dict[str, Schema]:
    """The schemas of all types that requests and responses are made of, by name. left_out: fields told elsewhere."""
    asked, answered = set(_reachable(requests)), set(_reachable(responses))
    values = [kind for kind in _reachable(requests) if kind.full_name == "google.protobuf.Any"]
    found: dict[str, Schema] = {}
    for kind in asked | answered:
        if kind.full_name in _WELL_KNOWN:
            continue
        if isinstance(kind, EnumDescriptor):
            schema: Schema = {"type": "string", "enum": [value.name for value in kind.values]}
        else:
            schema = _Message(kind, comments, is_asked=kind in asked, is_answered=kind in answered).schema(left_out)
        found[schema_name(kind)] = _described(schema, comments.get(kind.full_name))
    if values:
        found[ATTRIBUTE_VALUE] = _attribute_value(requests, comments)
    return dict(sorted(found.items()))


def _reachable(roots: Iterable[Descriptor]) -> list[Descriptor | EnumDescriptor]:
    """All types in and below some messages; map entries are no types of their own."""
    found: list[Descriptor | EnumDescriptor] = list(dict.fromkeys(roots))
    for kind in found:  # grows while it is walked
        if isinstance(kind, EnumDescriptor) or kind.full_name in _WELL_KNOWN:
            continue
        for field in kind.fields:
            held = _held(field)
            if held is not None and held not in found:
                found.append(held)
    return found


def _held(field: FieldDescriptor) -> Descriptor | EnumDescriptor | None:
    if (value := _map_value(field)) is not None:
        return _held(value)
    return field.message_type or field.enum_type


def _map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """The field of a map's values; None if the field is no map."""
    entry = field.message_type
    return entry.fields_by_name["value"] if entry is not None and entry.GetOptions().map_entry else None


class _Message:
    """One message type on its way to a schema. It may be asked with, answered with, or both."""

    def __init__(self, kind: Descriptor, comments: Mapping[str, str], *, is_asked: bool, is_answered: bool) -> None:
        self._kind = kind
        self._comments = comments
        self._is_asked = is_asked
        self._is_answered = is_answered

    def schema(self, left_out: Callable[[FieldDescriptor], bool]) -> Schema:
        fields = [field for field in self._kind.fields if not left_out(field)]
        schema: Schema = {"type": "object", "properties": {field.name: self._property(field) for field in fields}}
        if required := [field.name for field in fields if self._is_required(field)]:
            schema["required"] = required
        return schema

    def _property(self, field: FieldDescriptor) -> Schema:
        schema = field_schema(field)
        may_be_null = _is_single_message(field) and not _is_needed(field)
        if self._is_answered and may_be_null and field.containing_oneof is None:
            schema = {"anyOf": [schema, {"type": "null"}]}
        return _described(schema, self._comments.get(field.full_name))

    def _is_required(self, field: FieldDescriptor) -> bool:
        """What must be sent, or else, of what is only answered with, what is always there."""
        return _is_needed(field) if self._is_asked else field.containing_oneof is None


def field_schema(field: FieldDescriptor) -> Schema:
    """The schema of a field's value, with its rules."""
    if (value := _map_value(field)) is not None:
        return {"type": "object", "additionalProperties": _value_schema(value)}
    if not field.is_repeated:
        return _value_schema(field)
    schema: Schema = {"type": "array", "items": _value_schema(field)}
    rules = _rules(field).repeated
    if rules.HasField("min_items"):
        schema["minItems"] = rules.min_items
    if rules.HasField("max_items"):
        schema["maxItems"] = rules.max_items
    return schema


def _value_schema(field: FieldDescriptor) -> Schema:
    held = field.message_type or field.enum_type
    if held is not None:
        return reference(held)
    return {**_SCALARS[field.type], **dict(_limits(_rules(field)))}


def _rules(field: FieldDescriptor) -> FieldRules:
    rules: FieldRules = field.GetOptions().Extensions[_RULES]
    return rules


def _limits(rules: FieldRules) -> Iterator[tuple[str, object]]:
    if rules.HasField("string"):
        if rules.string.pattern:
            yield "pattern", f"^$|{rules.string.pattern}" if rules.string.ignore_empty else rules.string.pattern
        if rules.string.HasField("max_bytes"):
            yield "maxLength", rules.string.max_bytes
    if rules.HasField("int32"):
        yield "minimum", rules.int32.gte
    if rules.HasField("uint32"):
        yield "minimum", 0 if rules.uint32.ignore_empty else rules.uint32.gte


def _is_single_message(field: FieldDescriptor) -> bool:
    return field.message_type is not None and not field.is_repeated


def _is_needed(field: FieldDescriptor) -> bool:
    """True if a request without the field is refused."""
    rules = _rules(field)
    if field.containing_oneof is not None:
        return False
    return (
        rules.message.required
        or bool(rules.string.pattern and not rules.string.ignore_empty)
        or rules.int32.gte > 0
        or rules.repeated.min_items > 0
    )


def _attribute_value(requests: Iterable[Descriptor], comments: Mapping[str, str]) -> Schema:
    """One alternative for each message that can be the value: those that have a field ``data`` and nothing else."""
    file = next(kind.file for kind in _reachable(requests) if kind.full_name == _OWN_PACKAGE + "Attribute")
    kinds = [kind for kind in file.message_types_by_name.values() if [field.name for field in kind.fields] == ["data"]]
    return {
        "description": "The value of an attribute, after the name of its type.",
        "oneOf": [_typed(kind, comments) for kind in kinds],
    }


def _typed(kind: Descriptor, comments: Mapping[str, str]) -> Schema:
    name = {"type": "string", "const": f"type.googleapis.com/{kind.full_name}"}
    schema: Schema = {
        "type": "object",
        "title": kind.name,
        "properties": {"@type": name, "data": field_schema(kind.fields_by_name["data"])},
        "required": ["@type", "data"],
    }
    return _described(schema, comments.get(kind.full_name))


def _described(schema: Schema, comment: str | None) -> Schema:
    return {**schema, "description": comment} if comment else schema
