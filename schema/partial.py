"""Partial writes: members added to, replaced in and deleted from the entities of a schema.

Entities are taken in order of name, and within one entity all writes, then all updates, then all deletes, so the result
does not depend on the order a map was sent in. A string holds exactly one member; where the reference ignores what
stands before or after its first statement, more is an error here.
Source: reference schema-language §11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from model.errors import ErrorCode, InvalidRequest, NotFound
from schema.ast import EntityNode, Member, SchemaNode
from schema.parser import parse_member, parse_schema
from schema.printer import print_schema
from schema.source import did_you_mean


@dataclass(frozen=True, slots=True)
class Partial:
    """What to change in one entity: member statements to write and to update, member names to delete."""

    write: Sequence[str] = ()
    update: Sequence[str] = ()
    delete: Sequence[str] = ()


def apply_partials(schema: str | SchemaNode, partials: Mapping[str, Partial]) -> str:
    """The canonical text of the schema with the changes made, by entity name; still to be compiled.

    An update of a member to another kind (a relation to a permission, say) leaves both in the text, which then fails to
    compile as a duplicate: delete and write in two calls. Raises InvalidRequest for a written name that exists and for
    a key that names a rule; NotFound for an entity, or a name to update or delete, that does not exist; InvalidSchema
    for a base without entities and for a string that is not one member statement, its position within that string.
    """
    base = parse_schema(schema) if isinstance(schema, str) else schema
    if not base.entities:
        message, code = "no entity references found in schema", ErrorCode.NO_ENTITY_REFERENCES_FOUND_IN_SCHEMA
        raise base.source.fault(0, message, code=code)
    changed = {name: _changed(_entity(base, name), partials[name]) for name in sorted(partials)}
    definitions = tuple(changed.get(node.name.text, node) for node in base.definitions)
    return print_schema(replace(base, definitions=definitions))


def _entity(schema: SchemaNode, name: str) -> EntityNode:
    for entity in schema.entities:
        if entity.name.text == name:
            return entity
    if any(rule.name.text == name for rule in schema.rules):
        message = f"{name!r} is a rule; a partial write changes entities"
        raise InvalidRequest(message, ErrorCode.CANNOT_CONVERT_TO_ENTITY_STATEMENT)
    hint = did_you_mean(name, (entity.name.text for entity in schema.entities))
    raise NotFound(f"the schema has no entity {name!r}; {hint}".rstrip("; "), ErrorCode.ENTITY_STATEMENT_NOT_FOUND)


def _changed(entity: EntityNode, partial: Partial) -> EntityNode:
    members = {member.name.text: member for member in entity.members}
    for text in partial.write:
        member = parse_member(text)
        if member.name.text in members:
            message = f"{entity.name.text}#{member.name.text} exists already; update it instead"
            raise InvalidRequest(message, ErrorCode.ALREADY_EXIST)
        members[member.name.text] = member
    moved: list[Member] = []
    for text in partial.update:
        member = parse_member(text)
        _require(member.name.text, members, entity)
        if type(members[member.name.text]) is type(member):
            members[member.name.text] = member
        else:
            moved.append(member)
    for name in partial.delete:
        _require(name, members, entity)
        del members[name]
    return replace(entity, members=(*members.values(), *moved))


def _require(name: str, members: Mapping[str, Member], entity: EntityNode) -> None:
    if name not in members:
        hint = did_you_mean(name, members)
        message = f"{entity.name.text!r} has no member {name!r}; {hint}".rstrip("; ")
        raise NotFound(message, ErrorCode.REFERENCE_NOT_FOUND)
