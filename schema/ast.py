"""The syntax tree of a schema: what was written, in the order it was written, each node with its span.

Spans take no part in comparison, so two texts that differ in blanks, comments and parentheses alone have equal trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schema.compiled import Operator
from schema.source import Source, Span


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier, or a kind such as ``integer[]``."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Path:
    """Names joined by dots, at least one."""

    names: tuple[Name, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """``rule(argument, …)``; the arguments may be none."""

    rule: Name
    arguments: tuple[Path, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``; depth is 1 over two leaves and at most tokens.MAX_NESTING."""

    operator: Operator
    left: Expression
    right: Expression
    span: Span = field(compare=False)
    depth: int = field(compare=False)


Expression = Path | Call | Binary


@dataclass(frozen=True, slots=True)
class TargetNode:
    """``@type`` or ``@type#relation``."""

    type: Name
    relation: Name | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class RelationNode:
    """``relation name @type …``, at least one target."""

    name: Name
    targets: tuple[TargetNode, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class AttributeNode:
    """``attribute name kind``."""

    name: Name
    kind: Name
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class PermissionNode:
    """``permission name = expression``, or ``action``, which is the same."""

    name: Name
    expression: Expression
    span: Span = field(compare=False)


Member = RelationNode | AttributeNode | PermissionNode


@dataclass(frozen=True, slots=True)
class EntityNode:
    """``entity name { member … }``; member names are distinct."""

    name: Name
    members: tuple[Member, ...]
    span: Span = field(compare=False)

    @property
    def relations(self) -> tuple[RelationNode, ...]:
        """The relations, in order."""
        return tuple(member for member in self.members if isinstance(member, RelationNode))

    @property
    def attributes(self) -> tuple[AttributeNode, ...]:
        """The attributes, in order."""
        return tuple(member for member in self.members if isinstance(member, AttributeNode))

    @property
    def permissions(self) -> tuple[PermissionNode, ...]:
        """The permissions, in order."""
        return tuple(member for member in self.members if isinstance(member, PermissionNode))


@dataclass(frozen=True, slots=True)
class ParameterNode:
    """``name kind`` in a rule's head."""

    name: Name
    kind: Name
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class RuleNode:
    """``rule name(parameter, …) { body }``; the body is raw CEL without the blanks around it, its span says where."""

    name: Name
    parameters: tuple[ParameterNode, ...]
    body: Name
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """A whole text: entities and rules in order; their names are distinct."""

    source: Source = field(compare=False, repr=False)
    definitions: tuple[EntityNode | RuleNode, ...]

    @property
    def entities(self) -> tuple[EntityNode, ...]:
        """The entities, in order."""
        return tuple(node for node in self.definitions if isinstance(node, EntityNode))

    @property
    def rules(self) -> tuple[RuleNode, ...]:
        """The rules, in order."""
        return tuple(node for node in self.definitions if isinstance(node, RuleNode))
