"""What each name of a schema stands for, and whether relations point at something that exists.

Source: reference schema-language §5 and §7, checks 5 to 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from model.attributes import AttributeKind
from model.errors import ErrorCode, InvalidRequest
from schema.ast import AttributeNode, Member, Name, RelationNode, RuleNode, SchemaNode, TargetNode
from schema.source import Source, did_you_mean


@dataclass(frozen=True, slots=True)
class Names:
    """Every name of a schema: members by entity and name, rules by name."""

    source: Source
    members: Mapping[str, Mapping[str, Member]]
    rules: Mapping[str, RuleNode]

    @classmethod
    def of(cls, schema: SchemaNode) -> Names:
        """The names of a parsed schema, where the parser has refused duplicates."""
        members = {
            entity.name.text: {member.name.text: member for member in entity.members} for entity in schema.entities
        }
        return cls(schema.source, members, {rule.name.text: rule for rule in schema.rules})

    def member(self, entity: str, name: str) -> Member | None:
        """The member of that name, or None where entity or member is unknown."""
        return self.members.get(entity, _NO_MEMBERS).get(name)

    def kind(self, entity: str, attribute: str) -> AttributeKind | None:
        """The kind of an attribute, or None where there is no such attribute or its kind is not one."""
        node = self.member(entity, attribute)
        return kind_of(node.kind) if isinstance(node, AttributeNode) else None


_NO_MEMBERS: Mapping[str, Member] = MappingProxyType({})


def check_references(schema: SchemaNode, names: Names) -> None:
    """Raise InvalidSchema for a schema without entities, else for the first target that names nothing (5, 6)."""
    if not names.members:
        message, code = "no entity references found in schema", ErrorCode.NO_ENTITY_REFERENCES_FOUND_IN_SCHEMA
        raise schema.source.fault(0, message, code=code, hint="a schema declares at least one entity")
    for entity in schema.entities:
        for relation in entity.relations:
            for target in relation.targets:
                _check_target(target, names)


def declared_kind(kind: Name, source: Source) -> AttributeKind:
    """The kind a declaration names. Raises InvalidSchema for any other word (7)."""
    found = kind_of(kind)
    if found is None:
        known = [kind.keyword for kind in AttributeKind]
        hint = did_you_mean(kind.text, known) or f"known kinds: {', '.join(known)}"
        raise source.fault(kind.span.start, "invalid argument", code=ErrorCode.INVALID_ARGUMENT, hint=hint)
    return found


def kind_of(kind: Name) -> AttributeKind | None:
    """The kind a word stands for, or None."""
    try:
        return AttributeKind.parse(kind.text)
    except InvalidRequest:
        return None


def _check_target(target: TargetNode, names: Names) -> None:
    if target.type.text not in names.members:
        raise _dangling(target.type, names, did_you_mean(target.type.text, names.members))
    if target.relation is None:
        return
    member = names.member(target.type.text, target.relation.text)
    if isinstance(member, RelationNode):
        return
    if member is not None:
        hint = f"{target.relation.text!r} is no relation; a userset target names a relation"
    else:
        members = names.members[target.type.text].values()
        hint = did_you_mean(target.relation.text, [m.name.text for m in members if isinstance(m, RelationNode)])
    raise _dangling(target.relation, names, hint)


def _dangling(name: Name, names: Names, hint: str) -> Exception:
    message = "relation reference not found in entity references"
    code = ErrorCode.RELATION_REFERENCE_NOT_FOUND_IN_ENTITY_REFERENCES
    return names.source.fault(name.span.start, message, code=code, hint=hint)
