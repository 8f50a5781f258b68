"""Contextual tuples and attributes laid over a snapshot, ready to be looked up by the walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model.attributes import AttributeValue, EntityAttribute
from model.check import NO_CONTEXT, Context
from model.tuples import EntityRelation, RelationTuple, SubjectRef
from schema.compiled import CompiledSchema, Target


class Overlay:
    """What one request adds to the stored data.

    subjects: contextual subjects by entity relation, in the order given, without repetition. attributes: contextual
    values, the last one given for a key. fits_schema: every contextual tuple is one the schema would let be stored;
    if not, what a permission can reach by the schema says nothing about this request.
    """

    __slots__ = ("attributes", "data", "fits_schema", "subjects")

    def __init__(self, context: Context, schema: CompiledSchema) -> None:
        self.subjects: Mapping[EntityRelation, Sequence[SubjectRef]] = _by_entity_relation(context.tuples)
        self.attributes: Mapping[EntityAttribute, AttributeValue] = {
            attribute.key: attribute.value for attribute in context.attributes
        }
        self.data: Mapping[str, Any] = context.data  # JSON from the wire: any shape
        self.fits_schema = all(_fits(schema, row) for row in context.tuples)


def overlay_of(context: Context, schema: CompiledSchema) -> Overlay:
    """The overlay of a request."""
    return NO_OVERLAY if context is NO_CONTEXT else Overlay(context, schema)


def _by_entity_relation(tuples: Sequence[RelationTuple]) -> dict[EntityRelation, list[SubjectRef]]:
    subjects: dict[EntityRelation, list[SubjectRef]] = {}
    for row in dict.fromkeys(tuples):
        subjects.setdefault(row.entity_relation, []).append(row.subject)
    return subjects


def _fits(schema: CompiledSchema, row: RelationTuple) -> bool:
    entity = schema.entities.get(row.entity_type)
    targets = entity.relations.get(row.relation, ()) if entity else ()
    return Target(row.subject_type, row.subject_relation) in targets


NO_OVERLAY = Overlay(NO_CONTEXT, CompiledSchema(entities={}, rules={}, reach={}, text=""))
