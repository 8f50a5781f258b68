"""A schema as an authorization model of OpenFGA: relations and permissions are both relations there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schema.compiled import Arrow, ComputedUserset, EntityDefinition, Operation, Operator, Rewrite, Target
from schema.compiler import compile_schema

_THIS: dict[str, Any] = {"this": {}}


def openfga_model(schema: str) -> dict[str, Any]:
    """The model, as the API takes it. Raises ValueError for attributes and rules, which it has not."""
    entities = compile_schema(schema).entities.values()
    return {"schema_version": "1.1", "type_definitions": [_type(entity) for entity in entities]}


def _type(entity: EntityDefinition) -> dict[str, Any]:
    if not (entity.relations or entity.permissions):
        return {"type": entity.name}
    relations = dict.fromkeys(entity.relations, _THIS)
    permissions = {name: _userset(rewrite) for name, rewrite in entity.permissions.items()}
    direct = {name: {"directly_related_user_types": _users(targets)} for name, targets in entity.relations.items()}
    return {"type": entity.name, "relations": {**relations, **permissions}, "metadata": {"relations": direct}}


def _users(targets: Sequence[Target]) -> list[dict[str, str]]:
    return [{"type": kind} | ({"relation": relation} if relation else {}) for kind, relation in targets]


def _userset(rewrite: Rewrite) -> dict[str, Any]:
    match rewrite:
        case ComputedUserset(name):
            return {"computedUserset": {"relation": name}}
        case Arrow(relation, name):
            return {"tupleToUserset": {"tupleset": {"relation": relation}, "computedUserset": {"relation": name}}}
        case Operation(Operator.EXCLUSION, left, right):
            return {"difference": {"base": _userset(left), "subtract": _userset(right)}}
        case Operation(operator):
            parts = [_userset(part) for part in _operands(rewrite, operator)]
            return {"union" if operator is Operator.UNION else "intersection": {"child": parts}}
        case _:
            raise ValueError(f"OpenFGA has no {type(rewrite).__name__}: {rewrite}")


def _operands(rewrite: Rewrite, operator: Operator) -> Sequence[Rewrite]:
    """A chain of one operator, flat: nested as it is written it would cost a level each."""
    if isinstance(rewrite, Operation) and rewrite.operator is operator:
        return (*_operands(rewrite.left, operator), *_operands(rewrite.right, operator))
    return (rewrite,)
