"""Messages as JSON, the way the contract's REST gateway writes and reads them.

protobuf's ``json_format`` does the work. Written, it leaves out messages that are not set: they are ``null`` here.
Read, it takes a text or a list where a message belongs for a message without fields, as long as unknown fields are
dropped: here that is refused. Both are done on the JSON itself, along a plan made once for each type of message.
Source: reference wire-api §3.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from model.errors import InvalidRequest

M = TypeVar("M", bound=Message)

_JUST_JSON = "google.protobuf."  # types of this package have JSON forms of their own, without fields
_ANY = "google.protobuf.Any"
_WAY = re.compile(r"^(Failed to parse \S+ field: )+")
_MORE_THAN_PARSE_ERRORS = (json_format.ParseError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def to_json(message: Message) -> bytes:
    """The message in JSON: names as in the .proto file, fields that are not set included, those of a oneof not."""
    fields = to_object(message).items()
    return b"{%s}" % b",".join(b"%s:%s" % (print_json(name), _print_field(value)) for name, value in fields)


def print_json(value: object) -> bytes:
    """The text of a value, without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _print_field(value: Any) -> bytes:
    """Lists are printed item by item: one item is one call into C, during which no other thread gets a turn."""
    return b"[%s]" % b",".join(map(print_json, value)) if isinstance(value, list) else print_json(value)


def to_object(message: Message) -> dict[str, Any]:
    """As ``to_json``, before it becomes text."""
    written: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _add_nulls(written, _type_of(message))
    return written


def from_json(body: bytes, kind: type[M]) -> M:
    """The message of a JSON text; an empty one is a message without fields, and unknown fields are dropped.

    Raises InvalidRequest, saying what is wrong and where, for anything else than JSON of such a message.
    """
    message = kind()
    if not body:
        return message
    read = _load(body)
    _check_shape(read, _type_of(message), kind.DESCRIPTOR.name)
    try:
        json_format.ParseDict(read, message, ignore_unknown_fields=True)
    except RecursionError as error:
        raise InvalidRequest("the body is nested too deep") from error
    except _MORE_THAN_PARSE_ERRORS as error:  # it lets through some of what its conversions raise
        raise InvalidRequest(f"the body is not a {kind.DESCRIPTOR.name}: {_cleaned(error)}") from error
    return message


def _load(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8: byte {error.start} is {body[error.start]:#04x}") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidRequest("the body is nested too deep") from error
    except ValueError as error:  # int() refuses what would take it long to read
        raise InvalidRequest("the body has a number of thousands of digits") from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(f"the body has the name {_quoted(twice)} twice in one object")
    return values


def _refuse_constant(text: str) -> Any:
    raise InvalidRequest(f'the body has a bare {text}, which is not JSON; write "{text}" with quotes')


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidRequest(f"the body has a number out of range: {text[:50]}")
    return number


class _Shape(Enum):
    """How a field holds messages."""

    ONE = auto()
    LIST = auto()
    MAP = auto()


class _Part(NamedTuple):
    """A field that holds messages; an Any has no plan of its own. nullable: written as null if it is not set."""

    name: str
    json_name: str
    shape: _Shape
    message: Descriptor
    nullable: bool


@cache
def _parts(message: Descriptor) -> tuple[_Part, ...]:
    return tuple(_message_fields(message))


def _message_fields(message: Descriptor) -> Iterator[_Part]:
    for field in message.fields:
        held = field.message_type
        if held is None:
            continue
        shape = _Shape.LIST if field.is_repeated else _Shape.ONE
        if held.GetOptions().map_entry:
            shape, held = _Shape.MAP, held.fields_by_name["value"].message_type
        if held is not None:
            nullable = shape is _Shape.ONE and field.containing_oneof is None
            yield _Part(field.name, field.json_name, shape, held, nullable)


def _type_of(message: Message) -> Descriptor:
    return cast("Descriptor", message.DESCRIPTOR)  # the stubs have two types of the same for it


@cache
def _may_lack_messages(message: Descriptor) -> bool:
    """True if a null can be missing in a message of this type or below."""
    seen, waiting = set[Descriptor](), [message]
    while waiting:
        at = waiting.pop()
        if at not in seen and not at.full_name.startswith(_JUST_JSON):
            seen.add(at)
            if any(part.nullable for part in _parts(at)):
                return True
            waiting.extend(part.message for part in _parts(at))
    return False


def _add_nulls(written: dict[str, Any], message: Descriptor) -> None:
    for part in _parts(message):
        value = written.get(part.name)
        if value is None:
            if part.nullable:
                written[part.name] = None
        elif _may_lack_messages(part.message):
            for held in _each(value, part.shape):
                _add_nulls(held, part.message)


def _each(value: Any, shape: _Shape) -> Any:
    match shape:
        case _Shape.ONE:
            return (value,)
        case _Shape.LIST:
            return value
        case _Shape.MAP:
            return value.values()


def _check_shape(read: Any, message: Descriptor, place: str) -> None:
    """Raise InvalidRequest if something else than an object stands where a message belongs, here or below."""
    if message.full_name.startswith(_JUST_JSON) and message.full_name != _ANY:
        return
    if not isinstance(read, Mapping):
        raise InvalidRequest(f"expected an object at {place}, got {_quoted(read)}")
    if message.full_name == _ANY:
        if read and not isinstance(read.get("@type"), str):
            raise InvalidRequest(f'expected an "@type" at {place}, such as "type.googleapis.com/base.v1.StringValue"')
        return
    for part in _parts(message):
        for name in {part.name, part.json_name} & read.keys():
            value = read[name]
            if value is None:
                continue
            for key, held in _places(value, part.shape):
                _check_shape(held, part.message, f"{place}.{name}{key}")


def _places(value: Any, shape: _Shape) -> Iterator[tuple[str, Any]]:
    """What a field holds with the end of its place; nothing of a list or a map that is none: see ``ParseDict``."""
    match shape:
        case _Shape.ONE:
            yield "", value
        case _Shape.LIST if isinstance(value, list):
            yield from ((f"[{index}]", held) for index, held in enumerate(value))
        case _Shape.MAP if isinstance(value, dict):
            yield from ((f"[{_quoted(key)}]", held) for key, held in value.items())


def _quoted(value: Any) -> str:
    return json.dumps(value)[:100]


def _cleaned(error: Exception) -> str:
    """The text of a parse error, its place told once: at the end by itself, or else as the way there."""
    if isinstance(error, LookupError):
        return f"{error} is missing"
    way = _WAY.match(str(error))
    text = _WAY.sub("", str(error)).rstrip(".")
    if way and " at " not in text:
        text = f"{'.'.join(way[0].split()[3::5])}: {text}"
    for pythonish, plain in _PLAIN_WORDS.items():
        text = text.replace(pythonish, plain)
    return text.encode(errors="backslashreplace").decode()


_PLAIN_WORDS = {
    "invalid literal for int() with base 10:": "expected an integer, got",
    "expected string or bytes-like object, got": "expected a string, got a value of type",
}
