"""Which tuples and attributes a schema admits when they are written.

Whether the entities exist is nobody's business; only their types, relations and kinds are held against the schema.
Source: reference semantics §9.1.
"""

from __future__ import annotations

from model.attributes import Attribute
from model.errors import ErrorCode, InvalidRequest, NotFound
from model.tuples import RelationTuple
from schema.compiled import CompiledSchema, EntityDefinition, Target
from schema.source import did_you_mean


def admit_tuple(schema: CompiledSchema, relation_tuple: RelationTuple) -> None:
    """Return if the schema admits the tuple.

    Raises, in this order: NotFound for an entity type it does not declare; InvalidRequest for a tuple that says an
    entity's relation holds itself; NotFound for a name that is no relation, and for a subject the relation does not
    take.
    """
    definition = _definition(schema, relation_tuple.entity_type)
    relation = relation_tuple.relation
    if relation_tuple.entity == relation_tuple.subject[:2] and relation == relation_tuple.subject_relation:
        message = f"entity and subject cannot be equal: {relation_tuple}"
        raise InvalidRequest(message, ErrorCode.ENTITY_AND_SUBJECT_CANNOT_BE_EQUAL)
    targets = definition.relations.get(relation)
    if targets is None:
        message = f"{definition.name!r} has no relation {relation!r}"
        raise _unknown(message, _why_no_relation(definition, relation), ErrorCode.RELATION_DEFINITION_NOT_FOUND)
    subject = Target(relation_tuple.subject_type, relation_tuple.subject_relation)
    if subject not in targets:
        taken = ", ".join(map(_spelt, targets))
        message = f"relation {definition.name}#{relation} takes {taken}, not {_spelt(subject)}"
        raise NotFound(message, ErrorCode.SUBJECT_TYPE_NOT_FOUND)


def admit_attribute(schema: CompiledSchema, attribute: Attribute) -> None:
    """Return if the schema admits the value.

    Raises NotFound, in this order: for an entity type it does not declare, for a name that is no attribute, for a value
    of another kind than declared.
    """
    definition = _definition(schema, attribute.entity_type)
    declared = definition.attributes.get(attribute.name)
    if declared is None:
        message = f"{definition.name!r} has no attribute {attribute.name!r}"
        hint = did_you_mean(attribute.name, definition.attributes)
        raise _unknown(message, hint, ErrorCode.ATTRIBUTE_DEFINITION_NOT_FOUND)
    if attribute.value.kind != declared:
        message = f"attribute {attribute.key.entity_type}${attribute.name} is {declared.keyword}, got {attribute.value}"
        raise NotFound(message, ErrorCode.ATTRIBUTE_TYPE_MISMATCH)


def _definition(schema: CompiledSchema, entity_type: str) -> EntityDefinition:
    if found := schema.entities.get(entity_type):
        return found
    if entity_type in schema.rules:
        raise NotFound(f"{entity_type!r} is a rule, not an entity type", ErrorCode.ENTITY_DEFINITION_NOT_FOUND)
    hint = did_you_mean(entity_type, schema.entities)
    raise _unknown(f"the schema has no entity type {entity_type!r}", hint, ErrorCode.SCHEMA_NOT_FOUND)


def _why_no_relation(definition: EntityDefinition, name: str) -> str:
    if name in definition.permissions:
        return "it is a permission; tuples are written to relations"
    if name in definition.attributes:
        return "it is an attribute; tuples are written to relations"
    return did_you_mean(name, definition.relations)


def _unknown(message: str, hint: str, code: ErrorCode) -> NotFound:
    return NotFound(f"{message}; {hint}" if hint else message, code)


def _spelt(target: Target) -> str:
    return f"@{target.type}#{target.relation}" if target.relation else f"@{target.type}"
