"""What a write must be before a store takes it, and which of several values it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from model.attributes import Attribute, AttributeValue, EntityAttribute
from model.errors import ErrorCode, InvalidRequest
from storage.base import Changeset


def ensure_no_nul(changesets: Sequence[Changeset]) -> None:
    """Raise InvalidRequest (VALIDATION) if a name or an id contains NUL, which no store can hold and filter by."""
    for changes in changesets:
        _ensure_no_nul(changes.tuples_written)
        _ensure_no_nul([attribute.key for attribute in changes.attributes_written])


def last_values(attributes: Iterable[Attribute]) -> Mapping[EntityAttribute, AttributeValue]:
    """The value written last for each attribute, in order of those writings."""
    last: dict[EntityAttribute, AttributeValue] = {}
    for attribute in attributes:
        last.pop(attribute.key, None)  # takes the place of its last writing
        last[attribute.key] = attribute.value
    return last


def _ensure_no_nul(keys: Sequence[Sequence[str]]) -> None:
    if "\0" in "".join(map("".join, keys)):
        culprit = next(part for key in keys for part in key if "\0" in part)
        raise InvalidRequest(f"{culprit[:200]!r} contains a NUL character", ErrorCode.VALIDATION)
