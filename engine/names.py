"""Names a question uses, looked up in the schema, and the errors for those that are not there."""

from __future__ import annotations

from model.errors import ErrorCode, NotFound
from schema.compiled import CompiledSchema, EntityDefinition


def definition_of(schema: CompiledSchema, entity_type: str) -> EntityDefinition:
    """The definition of a type. Raises NotFound: SCHEMA_NOT_FOUND, or ENTITY_DEFINITION_NOT_FOUND for a rule's name."""
    if entity_type in schema.rules:
        raise NotFound(f"{entity_type!r} is a rule, not an entity type", ErrorCode.ENTITY_DEFINITION_NOT_FOUND)
    definition = schema.entities.get(entity_type)
    if definition is None:
        raise NotFound(f"entity type {entity_type!r} is not in the schema", ErrorCode.SCHEMA_NOT_FOUND)
    return definition


def has_member(definition: EntityDefinition, name: str) -> bool:
    """True if the type has a relation, permission or attribute of that name."""
    return name in definition.relations or name in definition.permissions or name in definition.attributes


def unknown_member(schema: CompiledSchema, entity_type: str, name: str) -> NotFound:
    """The error for a name that is neither a member of the type nor a rule."""
    if name in schema.entities:
        return NotFound(f"{name!r} is an entity type, not a permission", ErrorCode.RULE_DEFINITION_NOT_FOUND)
    return NotFound(f"entity type {entity_type!r} has no permission {name!r}", ErrorCode.SCHEMA_NOT_FOUND)
