"""Random messages of any type, by their descriptors: mostly plausible, some absurd."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_DEEPEST = 4
_WORDS = ("", "t1", "user", "group", "folder", "doc", "view", "viewer", "member", "owner", "public", "parent", "1", "*")
_ODD_WORDS = ("ü", "\x00", "a" * 200, "user:1", "-1", "99999999999999999999", "{{.x}}", "entity user {}", "doc$x|y:z")

_TEXTS = st.sampled_from(_WORDS) | st.sampled_from(_ODD_WORDS) | st.text(max_size=8)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: _TEXTS,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_INT32: st.sampled_from([0, 1, 3, 20, 2**31 - 1, -1, -(2**31)]),
    FieldDescriptor.CPPTYPE_INT64: st.sampled_from([0, 1, -1, 2**63 - 1]),
    FieldDescriptor.CPPTYPE_UINT32: st.sampled_from([0, 1, 5, 100, 2**32 - 1]),
    FieldDescriptor.CPPTYPE_UINT64: st.sampled_from([0, 1, 2**64 - 1]),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32),
}


def messages(descriptor: Descriptor, depth: int = 0) -> st.SearchStrategy[Message]:
    """Messages of a type; deeper than a few levels they are empty."""
    return st.builds(
        lambda fields: _filled(descriptor, fields),
        st.fixed_dictionaries(
            {}, optional={field.name: _values(field, depth) for field in descriptor.fields} if depth < _DEEPEST else {}
        ),
    )


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    one = _one(field, depth)
    return st.lists(one, max_size=3) if field.is_repeated else one


def _one(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        kind = field.message_type
        return st.deferred(lambda: messages(kind, depth + 1))
    if field.enum_type is not None:
        return st.sampled_from([*(value.number for value in field.enum_type.values), 77])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=8)
    return _SCALARS[field.cpp_type]


def _filled(descriptor: Descriptor, fields: dict[str, Any]) -> Message:
    message: Message = GetMessageClass(descriptor)()
    for name, value in fields.items():
        field = descriptor.fields_by_name[name]
        _put(message, field, value)
    return message


def _put(message: Message, field: FieldDescriptor, value: Any) -> None:
    place = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for entry in value:
            _put_entry(place, field.message_type, entry)
    elif field.is_repeated:
        place.extend(value)
    elif field.message_type is not None:
        place.CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _put_entry(place: Any, kind: Descriptor, entry: Any) -> None:
    if kind.fields_by_name["value"].message_type is not None:
        place[entry.key].CopyFrom(entry.value)
    else:
        place[entry.key] = entry.value
