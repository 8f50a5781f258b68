"""An expansion as the contract's Expand message. Source: reference semantics §5."""

from __future__ import annotations

from api.convert import value_to_any
from model.expand import Branch, Combination, Expansion, Subjects, Value, Values
from proto.base.v1 import base_pb2 as pb

_OPERATIONS = {
    Combination.UNION: pb.ExpandTreeNode.OPERATION_UNION,
    Combination.INTERSECTION: pb.ExpandTreeNode.OPERATION_INTERSECTION,
    Combination.EXCLUSION: pb.ExpandTreeNode.OPERATION_EXCLUSION,
}


def expansion_to_proto(expansion: Expansion) -> pb.Expand:
    """The whole tree as one message."""
    message = pb.Expand(
        entity=pb.Entity(type=expansion.entity.type, id=expansion.entity.id),
        permission=expansion.permission,
        arguments=[pb.Argument(computed_attribute=pb.ComputedAttribute(name=name)) for name in expansion.arguments],
    )
    match expansion.node:
        case Branch(combination, children):
            message.expand.operation = _OPERATIONS[combination]
            message.expand.children.extend(expansion_to_proto(child) for child in children)
        case Subjects(subjects):
            listed = [pb.Subject(type=s.type, id=s.id, relation=s.relation) for s in subjects]
            message.leaf.subjects.CopyFrom(pb.Subjects(subjects=listed))
        case Value(value):
            message.leaf.value.CopyFrom(value_to_any(value))
        case Values(values):
            packed = {name: value_to_any(value) for name, value in values.items()}
            message.leaf.values.CopyFrom(pb.Values(values=packed))
    return message
