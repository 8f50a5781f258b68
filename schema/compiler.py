"""Schema text to compiled form: parse, check references, compile each definition; the first fault stops.

The phases follow the reference (schema-language §7): a fault of syntax anywhere speaks before a dangling target, and
that before a fault inside a definition. Within a phase the first fault in source order speaks.
"""

from __future__ import annotations

from collections.abc import Mapping

from model.attributes import AttributeKind
from model.errors import ErrorCode, InvalidSchema, LimitExceeded
from schema.ast import AttributeNode, EntityNode, PermissionNode, RelationNode, RuleNode, SchemaNode
from schema.compiled import CompiledSchema, EntityDefinition, Rewrite, Target
from schema.names import Names, check_references, declared_kind
from schema.parser import parse_schema
from schema.printer import print_schema
from schema.reach import relation_reach, schema_reach
from schema.rewrites import Resolver
from schema.rules import Rule
from schema.source import Source

MAX_RULES = 1_000
"""How many rules one schema may have; checking one costs about half a millisecond."""


def compile_schema(text: str) -> CompiledSchema:
    """The compiled form of a schema text.

    Raises InvalidSchema for the first fault, with its place, code and a hint; LimitExceeded for a text that is too
    long or has too many rules.
    """
    return compile_tree(parse_schema(text))


def compile_tree(schema: SchemaNode) -> CompiledSchema:
    """The compiled form of a parsed schema. Raises as compile_schema does, faults of syntax excepted."""
    if len(schema.rules) > MAX_RULES:
        raise LimitExceeded(f"the schema has {len(schema.rules)} rules, at most {MAX_RULES} are accepted")
    names = Names.of(schema)
    check_references(schema, names)
    relations = {
        (entity.name.text, relation.name.text): _targets(relation)
        for entity in schema.entities
        for relation in entity.relations
    }
    reach = relation_reach(relations)
    entities: dict[str, EntityDefinition] = {}
    rules: dict[str, Rule] = {}
    for node in schema.definitions:
        if isinstance(node, EntityNode):
            entities[node.name.text] = _entity(node, Resolver(node.name.text, names, reach))
        else:
            rules[node.name.text] = _rule(node, schema.source)
    return CompiledSchema(entities, rules, schema_reach(entities), print_schema(schema))


def _entity(node: EntityNode, resolver: Resolver) -> EntityDefinition:
    relations: dict[str, tuple[Target, ...]] = {}
    attributes: dict[str, AttributeKind] = {}
    permissions: dict[str, Rewrite] = {}
    for member in node.members:
        match member:
            case RelationNode(name):
                relations[name.text] = _targets(member)
            case AttributeNode(name, kind):
                attributes[name.text] = declared_kind(kind, resolver.names.source)
            case PermissionNode(name, expression):
                permissions[name.text] = resolver.rewrite(expression)
    return EntityDefinition(node.name.text, relations, attributes, permissions)


def _targets(node: RelationNode) -> tuple[Target, ...]:
    return tuple(Target(t.type.text, t.relation.text if t.relation else "") for t in node.targets)


def _rule(node: RuleNode, source: Source) -> Rule:
    parameters = _parameters(node, source)
    if not node.body.text:
        hint = "a rule body is one CEL expression, such as size < 10"
        raise source.fault(node.body.span.start, "rule body is empty", code=ErrorCode.SCHEMA_COMPILE, hint=hint)
    try:
        return Rule.compile(node.name.text, parameters, node.body.text)
    except InvalidSchema as error:
        offset = source.offset(error.line, error.column, within=node.body.span)
        message = str(error).removeprefix(f"{error.line}:{error.column}: ")
        raise source.fault(offset, message, code=ErrorCode.SCHEMA_COMPILE, hint=error.hint) from error


def _parameters(node: RuleNode, source: Source) -> Mapping[str, AttributeKind]:
    parameters: dict[str, AttributeKind] = {}
    for parameter in node.parameters:
        name = parameter.name.text
        if name in parameters:
            hint = f"{name!r} stands twice among the parameters of {node.name.text!r}"
            raise source.fault(
                parameter.span.start,
                f"duplication found for {node.name.text}#{name}",
                code=ErrorCode.SCHEMA_COMPILE,
                hint=hint,
            )
        parameters[name] = declared_kind(parameter.kind, source)
    return parameters
