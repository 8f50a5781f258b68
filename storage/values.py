"""Attribute values as they are stored: the kind's number and JSON text, from which they come back exactly.

JSON text, not native columns: SQLite has no boolean, turns NaN into NULL and cannot hold a list; PostgreSQL's text
cannot hold NUL, which JSON escapes. Python's JSON writes the shortest digits that give the same double again, and names
NaN and the infinities.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from model.attributes import Attribute, AttributeKind, AttributeValue


def encode_value(value: AttributeValue) -> tuple[int, str]:
    """Kind number and JSON text of a value."""
    kind, plain = value
    if kind.element is AttributeKind.DOUBLE:  # an int given for a double must come back as a double
        plain = tuple(float(item) for item in plain) if isinstance(plain, tuple) else float(plain)
    return int(kind), json.dumps(plain)


def decode_value(kind: int, text: str) -> AttributeValue:
    """The value that was encoded."""
    plain, _ = _parse_json(text)
    return AttributeValue(_KINDS[kind], tuple(plain) if isinstance(plain, list) else plain)


def attribute_of(row: Sequence[Any]) -> Attribute:
    """The attribute in a row of the table's columns; the driver types them as Any."""
    entity_type, entity_id, name, kind, value = row
    return Attribute(entity_type, entity_id, name, decode_value(kind, value))


_parse_json = json.JSONDecoder().raw_decode  # a third of the cost of json.loads; the text has no blanks around it
_KINDS = {int(kind): kind for kind in AttributeKind}
