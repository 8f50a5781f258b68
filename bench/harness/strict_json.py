"""Plain values, as JSON and TOML give them, read into frozen dataclasses: what is declared, and nothing else."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_UNIONS = (Union, types.UnionType)


class Unexpected(ValueError):
    """A value is not what is declared at its place; the text names the place and quotes the value."""


def read(kind: type[T], value: object, place: str) -> T:
    """A dataclass from a table of plain values; sequences become tuples. Raises Unexpected.

    place: what errors call the value, such as ``results``. Fields may be dataclasses, sequences, mappings by text,
    literals, texts, numbers, booleans, None and unions of these. Whole numbers are taken for floats, never the reverse.
    """
    return _read(kind, value, place)  # type: ignore[no-any-return]  # it is told by the kind


def plain(value: object) -> Any:
    """A dataclass as what JSON can say."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value


def _read(kind: Any, value: object, place: str) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _dataclass(kind, value, place)
    if origin in _UNIONS:
        return _one_of(get_args(kind), value, place)
    if origin is Literal:
        if not isinstance(value, str) or value not in get_args(kind):
            raise Unexpected(f"{place}: expected {_name(kind)}, got {value!r}")
        return value
    if origin is Sequence:
        (item,) = get_args(kind)
        if not isinstance(value, list):
            raise Unexpected(f"{place}: expected a list, got {value!r}")
        return tuple(_read(item, each, f"{place}[{number}]") for number, each in enumerate(value))
    if origin is Mapping:
        _, item = get_args(kind)
        return {key: _read(item, each, f"{place}.{key}") for key, each in _table(value, place).items()}
    return _scalar(kind, value, place)


def _dataclass(kind: Any, value: object, place: str) -> Any:
    table, hints = _table(value, place), get_type_hints(kind)
    declared = {each.name: each for each in fields(kind)}
    if unknown := sorted(table.keys() - declared.keys()):
        raise Unexpected(f"{place}: unknown {', '.join(map(repr, unknown))}")
    required = {name for name, each in declared.items() if each.default is MISSING and each.default_factory is MISSING}
    if missing := sorted(required - table.keys()):
        raise Unexpected(f"{place}: missing {', '.join(map(repr, missing))}")
    return kind(**{name: _read(hints[name], each, f"{place}.{name}") for name, each in table.items()})


def _table(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Unexpected(f"{place}: expected a table, got {value!r}")
    return value


def _one_of(kinds: Sequence[Any], value: object, place: str) -> Any:
    """As the first kind that takes the value, so that whole numbers stay whole where both are declared."""
    for kind in kinds:
        try:
            return _read(kind, value, place)
        except Unexpected:
            continue
    raise Unexpected(f"{place}: expected {' or '.join(map(_name, kinds))}, got {value!r}")


def _scalar(kind: Any, value: object, place: str) -> object:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise Unexpected(f"{place}: expected {_name(kind)}, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Unexpected(f"{place}: expected a finite number, got {value!r}")
    return value


def _name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "nothing"}
    return names.get(kind, str(kind))
