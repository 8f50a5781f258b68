"""A compiled schema as the contract's SchemaDefinition message. Source: reference schema-language §8."""

from __future__ import annotations

from model.attributes import AttributeKind
from proto.base.v1 import base_pb2 as pb
from proto.google.api.expr.v1alpha1.checked_pb2 import CheckedExpr
from schema.compiled import (
    Arrow,
    CompiledSchema,
    ComputedAttribute,
    ComputedUserset,
    EntityDefinition,
    Operation,
    Operator,
    Rewrite,
    RuleCall,
)
from schema.rules import Rule

_OPERATIONS = {
    Operator.UNION: pb.Rewrite.OPERATION_UNION,
    Operator.INTERSECTION: pb.Rewrite.OPERATION_INTERSECTION,
    Operator.EXCLUSION: pb.Rewrite.OPERATION_EXCLUSION,
}

_ATTRIBUTE_TYPES = {
    AttributeKind.BOOLEAN: pb.ATTRIBUTE_TYPE_BOOLEAN,
    AttributeKind.BOOLEAN_ARRAY: pb.ATTRIBUTE_TYPE_BOOLEAN_ARRAY,
    AttributeKind.STRING: pb.ATTRIBUTE_TYPE_STRING,
    AttributeKind.STRING_ARRAY: pb.ATTRIBUTE_TYPE_STRING_ARRAY,
    AttributeKind.INTEGER: pb.ATTRIBUTE_TYPE_INTEGER,
    AttributeKind.INTEGER_ARRAY: pb.ATTRIBUTE_TYPE_INTEGER_ARRAY,
    AttributeKind.DOUBLE: pb.ATTRIBUTE_TYPE_DOUBLE,
    AttributeKind.DOUBLE_ARRAY: pb.ATTRIBUTE_TYPE_DOUBLE_ARRAY,
}


def schema_to_proto(schema: CompiledSchema) -> pb.SchemaDefinition:
    """The whole schema as one message."""
    return pb.SchemaDefinition(
        entity_definitions={name: _entity(entity) for name, entity in schema.entities.items()},
        rule_definitions={name: _rule(rule) for name, rule in schema.rules.items()},
        references={
            **dict.fromkeys(schema.entities, pb.SchemaDefinition.REFERENCE_ENTITY),
            **dict.fromkeys(schema.rules, pb.SchemaDefinition.REFERENCE_RULE),
        },
    )


def _entity(entity: EntityDefinition) -> pb.EntityDefinition:
    return pb.EntityDefinition(
        name=entity.name,
        relations={
            name: pb.RelationDefinition(
                name=name,
                relation_references=[
                    pb.RelationReference(type=type_, relation=relation) for type_, relation in targets
                ],
            )
            for name, targets in entity.relations.items()
        },
        permissions={
            name: pb.PermissionDefinition(name=name, child=_child(rewrite))
            for name, rewrite in entity.permissions.items()
        },
        attributes={
            name: pb.AttributeDefinition(name=name, type=_ATTRIBUTE_TYPES[kind])
            for name, kind in entity.attributes.items()
        },
        references={
            **dict.fromkeys(entity.relations, pb.EntityDefinition.REFERENCE_RELATION),
            **dict.fromkeys(entity.attributes, pb.EntityDefinition.REFERENCE_ATTRIBUTE),
            **dict.fromkeys(entity.permissions, pb.EntityDefinition.REFERENCE_PERMISSION),
        },
    )


def _rule(rule: Rule) -> pb.RuleDefinition:
    return pb.RuleDefinition(
        name=rule.name,
        arguments={name: _ATTRIBUTE_TYPES[kind] for name, kind in rule.parameters.items()},
        expression=CheckedExpr.FromString(rule.checked_expr),
    )


def _child(rewrite: Rewrite) -> pb.Child:
    if isinstance(rewrite, Operation):
        children = [_child(rewrite.left), _child(rewrite.right)]
        return pb.Child(rewrite=pb.Rewrite(rewrite_operation=_OPERATIONS[rewrite.operator], children=children))
    return pb.Child(leaf=_leaf(rewrite))


def _leaf(rewrite: ComputedUserset | ComputedAttribute | Arrow | RuleCall) -> pb.Leaf:
    match rewrite:
        case ComputedUserset(name):
            return pb.Leaf(computed_user_set=pb.ComputedUserSet(relation=name))
        case ComputedAttribute(name):
            return pb.Leaf(computed_attribute=pb.ComputedAttribute(name=name))
        case Arrow(relation, name):
            arrow = pb.TupleToUserSet(
                tupleSet=pb.TupleSet(relation=relation), computed=pb.ComputedUserSet(relation=name)
            )
            return pb.Leaf(tuple_to_user_set=arrow)
        case RuleCall(rule, names):
            arguments = [pb.Argument(computed_attribute=pb.ComputedAttribute(name=name)) for name in names]
            return pb.Leaf(call=pb.Call(rule_name=rule, arguments=arguments))
