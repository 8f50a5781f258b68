"""Attribute values: their kinds, the zero value of each, and their text form ``type:id$name|kind:value``."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from model.errors import ErrorCode, InvalidRequest
from model.tuples import EntityRef

Scalar = bool | str | int | float
PlainValue = Scalar | tuple[Scalar, ...]

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


class AttributeKind(IntEnum):
    """The kinds an attribute or rule parameter can have; numbers are the contract's AttributeType."""

    BOOLEAN = 1
    BOOLEAN_ARRAY = 2
    STRING = 3
    STRING_ARRAY = 4
    INTEGER = 5
    INTEGER_ARRAY = 6
    DOUBLE = 7
    DOUBLE_ARRAY = 8

    @classmethod
    def parse(cls, text: str) -> AttributeKind:
        """Read ``boolean``, ``string[]`` … Raises InvalidRequest, quoting the text, for any other word."""
        name = text.removesuffix("[]").upper() + ("_ARRAY" if text.endswith("[]") else "")
        if not text.isascii() or text != text.lower() or "_" in text or name not in cls.__members__:
            raise InvalidRequest(f"unknown attribute kind {text!r}", ErrorCode.INVALID_ARGUMENT)
        return cls[name]

    @property
    def is_array(self) -> bool:
        """True for the four list kinds."""
        return self % 2 == 0

    @property
    def element(self) -> AttributeKind:
        """The kind of one element; a scalar kind is its own element."""
        return AttributeKind(self - 1) if self.is_array else self

    @property
    def keyword(self) -> str:
        """The word of the schema language, such as ``integer[]``."""
        return self.element.name.lower() + ("[]" if self.is_array else "")

    @property
    def zero(self) -> PlainValue:
        """What a rule sees where no value is stored: False, "", 0, 0.0 or the empty list."""
        return () if self.is_array else _ZEROS[self]


_ZEROS: dict[AttributeKind, Scalar] = {
    AttributeKind.BOOLEAN: False,
    AttributeKind.STRING: "",
    AttributeKind.INTEGER: 0,
    AttributeKind.DOUBLE: 0.0,
}


class AttributeValue(NamedTuple):
    """A value with its kind; lists are tuples. Integers fit in 32 bits."""

    kind: AttributeKind
    value: PlainValue

    def __str__(self) -> str:
        """The text form ``kind:value``, list elements joined by commas."""
        items = self.value if isinstance(self.value, tuple) else (self.value,)
        return f"{self.kind.keyword}:{','.join(_print_scalar(item) for item in items)}"


class EntityAttribute(NamedTuple):
    """Which attribute of which entity: the key a value is stored under."""

    entity_type: str
    entity_id: str
    name: str


class Attribute(NamedTuple):
    """A value given to an attribute of an entity."""

    entity_type: str
    entity_id: str
    name: str
    value: AttributeValue

    @classmethod
    def parse(cls, text: str) -> Attribute:
        """Read ``type:id$name|kind:value``. Raises InvalidRequest, quoting the text, for any other shape."""
        owner, dollar, rest = text.partition("$")
        name, bar, typed = rest.partition("|")
        kind_text, colon, value_text = typed.partition(":")
        if not (dollar and bar and colon and name) or "$" in name or ":" in value_text or "|" in value_text:
            raise InvalidRequest(f"expected type:id$name|kind:value, got {text!r}", ErrorCode.VALIDATION)
        entity = EntityRef.parse(owner)
        return cls(entity.type, entity.id, name, _parse_value(AttributeKind.parse(kind_text), value_text))

    @property
    def key(self) -> EntityAttribute:
        """The key the value is stored under."""
        return EntityAttribute(self.entity_type, self.entity_id, self.name)

    def __str__(self) -> str:
        """The text form ``type:id$name|kind:value``."""
        return f"{self.entity_type}:{self.entity_id}${self.name}|{self.value}"


def _parse_value(kind: AttributeKind, text: str) -> AttributeValue:
    if not kind.is_array:
        return AttributeValue(kind, _parse_scalar(kind, text))
    items = text.split(",") if text else []
    return AttributeValue(kind, tuple(_parse_scalar(kind.element, item.strip()) for item in items))


def _parse_scalar(kind: AttributeKind, text: str) -> Scalar:
    try:
        match kind:
            case AttributeKind.BOOLEAN:
                return {"true": True, "false": False}[text]
            case AttributeKind.INTEGER if re.fullmatch(r"[+-]?[0-9]{1,10}", text):
                number = int(text)
                if INT32_MIN <= number <= INT32_MAX:
                    return number
                raise ValueError("does not fit in 32 bits")
            case AttributeKind.DOUBLE if not re.search(r"[_\s]|[^\x00-\x7f]", text):
                return float(text)
            case AttributeKind.STRING:
                return text
            case _:
                raise ValueError("not a number")
    except (KeyError, ValueError) as error:
        raise InvalidRequest(f"expected a value of kind {kind.keyword}, got {text!r}", ErrorCode.VALIDATION) from error


def _print_scalar(item: Scalar) -> str:
    return str(item).lower() if isinstance(item, bool) else str(item)
