"""What the .proto files say about things, in the comments above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

_Step = tuple[int, ...]


def comments_of(files: Iterable[FileDescriptorProto]) -> Mapping[str, str]:
    """The comment of each message, field, enum, service and method that has one, by its full name.

    Lines are joined, so that a paragraph is one line; empty lines stay between paragraphs. The files need their source
    info.
    """
    found: dict[str, str] = {}
    for file in files:
        names = dict(_named(file))
        for location in file.source_code_info.location:
            name = names.get(tuple(location.path))
            if name is not None and location.leading_comments:
                found[name] = _joined(location.leading_comments)
    return found


def _joined(comment: str) -> str:
    paragraphs = comment.strip().replace("\n \n", "\n\n").split("\n\n")
    return "\n\n".join(" ".join(line.strip() for line in paragraph.split("\n")) for paragraph in paragraphs)


def _named(file: FileDescriptorProto) -> Iterator[tuple[_Step, str]]:
    """The place of everything in the file, and its full name. Source: descriptor.proto, SourceCodeInfo.Location."""
    for index, message in enumerate(file.message_type):
        yield from _in_message((4, index), f"{file.package}.{message.name}", message)
    for index, enum in enumerate(file.enum_type):
        yield from _in_enum((5, index), f"{file.package}.{enum.name}", enum)
    for index, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield (6, index), name
        yield from (((6, index, 2, at), f"{name}.{method.name}") for at, method in enumerate(service.method))


def _in_message(place: _Step, name: str, message: DescriptorProto) -> Iterator[tuple[_Step, str]]:
    yield place, name
    yield from (((*place, 2, at), f"{name}.{field.name}") for at, field in enumerate(message.field))
    for at, nested in enumerate(message.nested_type):
        yield from _in_message((*place, 3, at), f"{name}.{nested.name}", nested)
    for at, enum in enumerate(message.enum_type):
        yield from _in_enum((*place, 4, at), f"{name}.{enum.name}", enum)


def _in_enum(place: _Step, name: str, enum: EnumDescriptorProto) -> Iterator[tuple[_Step, str]]:
    yield place, name
    yield from (((*place, 2, at), f"{name}.{value.name}") for at, value in enumerate(enum.value))
