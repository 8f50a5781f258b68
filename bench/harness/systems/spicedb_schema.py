"""A schema in the language of SpiceDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schema.compiled import Arrow, ComputedUserset, EntityDefinition, Operation, Operator, Rewrite, Target
from schema.compiler import compile_schema

_SIGNS = {Operator.UNION: "+", Operator.INTERSECTION: "&", Operator.EXCLUSION: "-"}


def spicedb_schema(schema: str) -> str:
    """The text. Raises ValueError for attributes and rules, which would have to be caveats."""
    return "\n\n".join(map(_definition, compile_schema(schema).entities.values()))


def entity_types(schema: str) -> Sequence[str]:
    """The types it defines."""
    return tuple(compile_schema(schema).entities)


def _definition(entity: EntityDefinition) -> str:
    return "\n".join((f"definition {entity.name} {{", *_members(entity), "}"))


def _members(entity: EntityDefinition) -> Iterator[str]:
    for name, targets in entity.relations.items():
        yield f"  relation {name}: {' | '.join(map(_target, targets))}"
    for name, rewrite in entity.permissions.items():
        yield f"  permission {name} = {_expression(rewrite)}"


def _target(target: Target) -> str:
    return f"{target.type}#{target.relation}" if target.relation else target.type


def _expression(rewrite: Rewrite) -> str:
    """In parentheses wherever an operation is an operand: which sign binds how is not what we want to know."""
    match rewrite:
        case ComputedUserset(name):
            return name
        case Arrow(relation, name):
            return f"{relation}->{name}"
        case Operation(operator, left, right):
            return f"{_operand(left)} {_SIGNS[operator]} {_operand(right)}"
        case _:
            raise ValueError(f"SpiceDB has no {type(rewrite).__name__}: {rewrite}")


def _operand(rewrite: Rewrite) -> str:
    return f"({_expression(rewrite)})" if isinstance(rewrite, Operation) else _expression(rewrite)
