"""Attributes and resources in OTLP's words."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource


def attributes_of(values: Mapping[str, object]) -> list[KeyValue]:
    """Attributes; what is no text, number or truth value is written as Python shows it."""
    return [
        # from a mapping at two thirds of the price of a message, and most values are texts
        KeyValue(key=name, value={"string_value": value} if type(value) is str and value.isascii() else _value(value))  # type: ignore[arg-type]  # which protobuf takes
        for name, value in values.items()
    ]


def resource_of(attributes: Mapping[str, str]) -> Resource:
    """The process that all comes from."""
    return Resource(attributes=attributes_of(attributes))


def _value(value: object) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int() if -(2**63) <= value < 2**63:
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            return AnyValue(string_value=_text(value))


def _text(value: object) -> str:
    """Text that protobuf takes: without halves of surrogate pairs."""
    text = value if isinstance(value, str) else repr(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
