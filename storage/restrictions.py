"""Filters as what they allow in each column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage.base import AttributeFilter, TupleFilter

Restriction = Mapping[str, Sequence[str]]
"""Columns and the values allowed in each; none of the lists is empty."""


def restriction_of(where: TupleFilter | AttributeFilter) -> Restriction:
    """What a filter restricts, by column."""
    if isinstance(where, TupleFilter):
        parts = {
            "entity_type": _any_or(where.entity_type),
            "entity_id": where.entity_ids,
            "relation": _any_or(where.relation),
            "subject_type": _any_or(where.subject_type),
            "subject_id": where.subject_ids,
            "subject_relation": _any_or(where.subject_relation),
        }
    else:
        parts = {"entity_type": _any_or(where.entity_type), "entity_id": where.entity_ids, "name": where.names}
    return {column: values for column, values in parts.items() if values}


def _any_or(value: str) -> Sequence[str]:
    return (value,) if value else ()
