"""Protobuf to model and back. Past this module nobody meets a raw message, before it nobody meets a model value.

Messages are expected to have passed ``api.validation``; what that does not cover (the Any of an attribute) is checked
here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value

from model.attributes import Attribute, AttributeKind, AttributeValue
from model.check import NO_CONTEXT, Context
from model.errors import ErrorCode, InvalidRequest
from model.tuples import EntityRef, RelationTuple, SubjectRef
from proto.base.v1 import base_pb2 as pb
from storage.base import AttributeFilter, Bundle, BundleOperation, TupleFilter

TYPE_URL_PREFIX = "type.googleapis.com/base.v1."

_VALUE_MESSAGES: dict[AttributeKind, type[Any]] = {  # eight classes that share no type but Message
    AttributeKind.BOOLEAN: pb.BooleanValue,
    AttributeKind.BOOLEAN_ARRAY: pb.BooleanArrayValue,
    AttributeKind.STRING: pb.StringValue,
    AttributeKind.STRING_ARRAY: pb.StringArrayValue,
    AttributeKind.INTEGER: pb.IntegerValue,
    AttributeKind.INTEGER_ARRAY: pb.IntegerArrayValue,
    AttributeKind.DOUBLE: pb.DoubleValue,
    AttributeKind.DOUBLE_ARRAY: pb.DoubleArrayValue,
}
_KINDS = {f"{TYPE_URL_PREFIX}{message.DESCRIPTOR.name}": kind for kind, message in _VALUE_MESSAGES.items()}


def entity_from_proto(entity: pb.Entity) -> EntityRef:
    """The entity."""
    return EntityRef(entity.type, entity.id)


def subject_from_proto(subject: pb.Subject) -> SubjectRef:
    """The subject."""
    return SubjectRef(subject.type, subject.id, subject.relation)


def tuple_from_proto(row: pb.Tuple) -> RelationTuple:
    """The relation tuple."""
    entity, subject = row.entity, row.subject
    return RelationTuple(entity.type, entity.id, row.relation, subject.type, subject.id, subject.relation)


def tuple_to_proto(row: RelationTuple) -> pb.Tuple:
    """The message of a relation tuple."""
    return pb.Tuple(
        entity=pb.Entity(type=row.entity_type, id=row.entity_id),
        relation=row.relation,
        subject=pb.Subject(type=row.subject_type, id=row.subject_id, relation=row.subject_relation),
    )


def attribute_from_proto(attribute: pb.Attribute) -> Attribute:
    """The attribute. Raises InvalidRequest (ATTRIBUTE_TYPE_MISMATCH) for a value that is none of the eight kinds."""
    entity = attribute.entity
    try:
        value = value_from_any(attribute.value)
    except ValueError as error:
        message = f"attribute {attribute.attribute!r} of {entity.type}:{entity.id}: {error}"
        raise InvalidRequest(message, ErrorCode.ATTRIBUTE_TYPE_MISMATCH) from error
    return Attribute(entity.type, entity.id, attribute.attribute, value)


def attribute_to_proto(attribute: Attribute) -> pb.Attribute:
    """The message of an attribute."""
    return pb.Attribute(
        entity=pb.Entity(type=attribute.entity_type, id=attribute.entity_id),
        attribute=attribute.name,
        value=value_to_any(attribute.value),
    )


def value_from_any(packed: PackedAny) -> AttributeValue:
    """The value an Any carries. Raises ValueError, quoting the type URL, if it is none of the eight kinds."""
    kind = _KINDS.get(packed.type_url)
    if kind is None:
        raise ValueError(f"expected a value of {TYPE_URL_PREFIX}BooleanValue or its like, got {packed.type_url!r}")
    message = _VALUE_MESSAGES[kind]()
    try:
        message.ParseFromString(packed.value)
    except DecodeError as error:
        raise ValueError(f"the bytes are not a {packed.type_url}") from error
    return AttributeValue(kind, tuple(message.data) if kind.is_array else message.data)


def value_to_any(value: AttributeValue) -> PackedAny:
    """The Any that carries a value."""
    packed = PackedAny()
    packed.Pack(_VALUE_MESSAGES[value.kind](data=value.value))
    return packed


def context_from_proto(context: pb.Context) -> Context:
    """The context. Raises InvalidRequest as ``attribute_from_proto`` does."""
    if not (context.tuples or context.attributes or context.HasField("data")):
        return NO_CONTEXT
    return Context(
        tuples=tuple(tuple_from_proto(row) for row in context.tuples),
        attributes=tuple(attribute_from_proto(attribute) for attribute in context.attributes),
        data=_plain_struct(context.data),
    )


def context_to_proto(context: Context) -> pb.Context:
    """The message of a context."""
    data = Struct()
    data.update(dict(context.data))
    return pb.Context(
        tuples=[tuple_to_proto(row) for row in context.tuples],
        attributes=[attribute_to_proto(attribute) for attribute in context.attributes],
        data=data,
    )


def arguments_from_proto(arguments: Iterable[pb.Argument]) -> tuple[str, ...]:
    """The attribute names that arguments stand for. Raises InvalidRequest (INTERNAL) for an argument without one."""
    names = tuple(argument.computed_attribute.name for argument in arguments)
    if "" in names:
        raise InvalidRequest("every argument must be a computed_attribute with a name", ErrorCode.INTERNAL)
    return names


def tuple_filter_from_proto(where: pb.TupleFilter) -> TupleFilter:
    """The filter; absent parts restrict nothing."""
    return TupleFilter(
        entity_type=where.entity.type,
        entity_ids=tuple(where.entity.ids),
        relation=where.relation,
        subject_type=where.subject.type,
        subject_ids=tuple(where.subject.ids),
        subject_relation=where.subject.relation,
    )


def attribute_filter_from_proto(where: pb.AttributeFilter) -> AttributeFilter:
    """The filter; absent parts restrict nothing."""
    return AttributeFilter(
        entity_type=where.entity.type,
        entity_ids=tuple(where.entity.ids),
        names=tuple(where.attributes),
    )


def bundle_from_proto(bundle: pb.DataBundle) -> Bundle:
    """The bundle, its templates as they are."""
    operations = [
        BundleOperation(
            relationships_write=tuple(operation.relationships_write),
            relationships_delete=tuple(operation.relationships_delete),
            attributes_write=tuple(operation.attributes_write),
            attributes_delete=tuple(operation.attributes_delete),
        )
        for operation in bundle.operations
    ]
    return Bundle(bundle.name, tuple(bundle.arguments), tuple(operations))


def bundle_to_proto(bundle: Bundle) -> pb.DataBundle:
    """The message of a bundle."""
    operations = [
        pb.Operation(
            relationships_write=operation.relationships_write,
            relationships_delete=operation.relationships_delete,
            attributes_write=operation.attributes_write,
            attributes_delete=operation.attributes_delete,
        )
        for operation in bundle.operations
    ]
    return pb.DataBundle(name=bundle.name, arguments=bundle.arguments, operations=operations)


def _plain_struct(struct: Struct) -> dict[str, Any]:  # JSON: any shape
    return {key: _plain_value(value) for key, value in struct.fields.items()}


def _plain_value(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _plain_struct(value.struct_value)
        case "list_value":
            return [_plain_value(item) for item in value.list_value.values]
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)
