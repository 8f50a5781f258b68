"""The canonical text of a schema: what is stored, and what an equal schema always prints as.

It parses back to an equal tree, and printing that gives the same text. Order is as declared, members keep their
sections: relations, attributes, permissions. Comments are dropped, except inside rule bodies, and ``action`` becomes
``permission``. Unlike the reference, parameters keep their order and bodies do not grow (L-17).
Source: reference schema-language §9.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.ast import (
    AttributeNode,
    Binary,
    Call,
    EntityNode,
    Expression,
    Member,
    Path,
    RelationNode,
    RuleNode,
    SchemaNode,
)


def print_schema(schema: SchemaNode) -> str:
    """The canonical text; definitions are set apart by an empty line; no definitions give the empty text."""
    return "\n".join(print_definition(node) for node in schema.definitions)


def print_definition(node: EntityNode | RuleNode) -> str:
    """The canonical text of one entity or rule, ending in a newline."""
    if isinstance(node, RuleNode):
        parameters = ", ".join(f"{parameter.name.text} {parameter.kind.text}" for parameter in node.parameters)
        return f"rule {node.name.text}({parameters}) {{\n\t{node.body.text}\n}}\n"
    sections = (node.relations, node.attributes, node.permissions)
    members = "\n".join("".join(f"\t{print_member(member)}\n" for member in section) for section in sections if section)
    return f"entity {node.name.text} {{\n{members}}}\n"


def print_member(node: Member) -> str:
    """One member on one line, without indentation or line end."""
    match node:
        case RelationNode(name, targets):
            printed = (f"@{t.type.text}#{t.relation.text}" if t.relation else f"@{t.type.text}" for t in targets)
            return f"relation {name.text} {' '.join(printed)}"
        case AttributeNode(name, kind):
            return f"attribute {name.text} {kind.text}"
        case _:
            return f"permission {node.name.text} = {''.join(_pieces(node.expression))}"


def _pieces(expression: Expression) -> Iterator[str]:
    """The expression with every operation in parentheses; recursive, as deep as the parser lets it be."""
    match expression:
        case Path(names):
            yield ".".join(name.text for name in names)
        case Call(rule, arguments):
            printed = ", ".join(".".join(name.text for name in argument.names) for argument in arguments)
            yield f"{rule.text}({printed})"
        case Binary(operator, left, right):
            yield "("
            yield from _pieces(left)
            yield f" {operator.value} "
            yield from _pieces(right)
            yield ")"
