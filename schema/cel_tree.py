"""The tree of a checked CEL expression, read from its serialised form.

The CEL library offers no view of its trees but bytes: a protobuf Any around a cel.expr.CheckedExpr. Reading the few
fields we need takes less than a dependency on generated messages, which this layer may not import.
Source: cel-spec, proto/cel/expr/syntax.proto and checked.proto; protobuf encoding guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; text is its value if it is a string or bytes, decoded as far as it can be."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Ident:
    """A variable, of the environment or of a comprehension."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """``operand.field``, or the test ``has(operand.field)``."""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function or operator; a receiver is the first argument."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A list, map or message written out; a map's keys stand among its items."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    """What a macro such as ``all`` or ``map`` becomes: a fold of step over range, from init."""

    variable: str
    range: Node
    accumulator: str
    init: Node
    condition: Node
    step: Node
    result: Node


Node = Constant | Ident | Select | FunctionCall | Literal | Comprehension


def unwrapped(serialised: bytes) -> bytes:
    """The CheckedExpr inside the Any the library serialises to; google.api.expr.v1alpha1 has the same encoding."""
    return _bytes(dict(_fields(serialised))[2])


def tree_of(checked_expr: bytes) -> Node:
    """The expression tree of a CheckedExpr. Recursive: the library bounds the depth of what it compiles."""
    return _node(_bytes(dict(_fields(checked_expr))[4]))


def _node(encoded: bytes) -> Node:
    for number, value in _fields(encoded):
        match number:
            case 3:
                return _constant(_bytes(value))
            case 4:
                return Ident(_text(dict(_fields(_bytes(value)))[1]))
            case 5:
                parts = dict(_fields(_bytes(value)))
                return Select(_node(_bytes(parts[1])), _text(parts[2]))
            case 6:
                return _call(_bytes(value))
            case 7:
                return Literal(tuple(_node(_bytes(v)) for n, v in _fields(_bytes(value)) if n == 1))
            case 8:
                return _struct(_bytes(value))
            case 9:
                return _comprehension(_bytes(value))
    return Constant(None)


def _constant(encoded: bytes) -> Constant:
    texts = [_bytes(value) for number, value in _fields(encoded) if number in {6, 7}]
    return Constant(texts[0].decode(errors="replace") if texts else None)


def _call(encoded: bytes) -> FunctionCall:
    fields = list(_fields(encoded))
    function = next(_text(value) for number, value in fields if number == 2)
    # the receiver has field 1 and the arguments field 3: sorted, it comes first
    arguments = [value for number, value in sorted(fields, key=lambda field: field[0]) if number in {1, 3}]
    return FunctionCall(function, tuple(_node(_bytes(value)) for value in arguments))


def _struct(encoded: bytes) -> Literal:
    entries = [_bytes(value) for number, value in _fields(encoded) if number == 2]
    parts = (value for entry in entries for number, value in _fields(entry) if number in {3, 4})
    return Literal(tuple(_node(_bytes(value)) for value in parts))


def _comprehension(encoded: bytes) -> Comprehension:
    part = dict(_fields(encoded))
    return Comprehension(
        variable=_text(part[1]),
        range=_node(_bytes(part[2])),
        accumulator=_text(part[3]),
        init=_node(_bytes(part[4])),
        condition=_node(_bytes(part[5])),
        step=_node(_bytes(part[6])),
        result=_node(_bytes(part[7])),
    )


def _fields(encoded: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with their values, in order: a number for varints, bytes for everything else."""
    position = 0
    while position < len(encoded):
        tag, position = _varint(encoded, position)
        match tag & 7:
            case 0:
                value, position = _varint(encoded, position)
                yield tag >> 3, value
                continue
            case 2:
                length, position = _varint(encoded, position)
            case 1:
                length = 8
            case _:
                length = 4
        yield tag >> 3, encoded[position : position + length]
        position += length


def _varint(encoded: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = encoded[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)  # the field's declared type says so
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode()
