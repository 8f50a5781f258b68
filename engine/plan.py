"""A compiled schema made ready to walk: rewrites as gates over leaves, with what each leaf can possibly allow.

Chains of one operator become one gate (``a or b or c`` has three operands), and ``a not b`` is an intersection of
``a`` with the mirror image of ``b``. So there are two sorts of gate, told apart by the outcome that decides them:
one ALLOWED decides a union, one DENIED an intersection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.outcomes import ALLOWED, DENIED, Outcome
from model.attributes import AttributeKind
from schema.compiled import (
    Arrow,
    CompiledSchema,
    ComputedAttribute,
    ComputedUserset,
    EntityDefinition,
    Operation,
    Operator,
    Reach,
    Rewrite,
    RuleCall,
    Target,
)
from schema.rules import Rule

EVERYONE = Reach(frozenset(), anyone=True)
NOBODY = Reach(frozenset(), anyone=False)


@dataclass(frozen=True, slots=True)
class MemberLeaf:
    """A relation, permission or attribute of the same entity; ``key`` is its name."""

    key: str


@dataclass(frozen=True, slots=True)
class ArrowLeaf:
    """``relation.name``. targets are the declared ones: stored tuples pointing elsewhere do not count.

    key is the arrow's text, which no member can have as its name.
    """

    key: str
    relation: str
    name: str
    targets: frozenset[Target]
    reach: Reach


@dataclass(frozen=True, slots=True)
class RuleLeaf:
    """A rule call; ``key`` is its text, which no member can have as its name."""

    key: str
    rule: Rule
    arguments: tuple[str, ...]


Leaf = MemberLeaf | ArrowLeaf | RuleLeaf


@dataclass(frozen=True, slots=True)
class GatePlan:
    """Operands combined: decided by the first that equals ``decisive``; ``excluded`` ones count mirrored."""

    decisive: Outcome
    operands: tuple[GatePlan | Leaf, ...]
    excluded: tuple[GatePlan | Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class RelationPlan:
    """How to check a relation: which subjects may be stored under it, and whether usersets are among them."""

    targets: frozenset[Target]
    has_usersets: bool
    reach: Reach


@dataclass(frozen=True, slots=True)
class PermissionPlan:
    """How to check a permission."""

    gate: GatePlan
    reach: Reach


@dataclass(frozen=True, slots=True)
class AttributePlan:
    """How to check an attribute as if it were a permission."""

    kind: AttributeKind
    reach: Reach = EVERYONE


MemberPlan = RelationPlan | PermissionPlan | AttributePlan


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole schema version made ready. members is keyed by (entity type, member name)."""

    schema: CompiledSchema
    members: Mapping[tuple[str, str], MemberPlan]


def plan_of(schema: CompiledSchema) -> Plan:
    """The plan of every member of every entity type."""
    members: dict[tuple[str, str], MemberPlan] = {}
    for entity in schema.entities.values():
        members.update(_members_of(schema, entity))
    return Plan(schema, members)


def call_leaf(rule: Rule, arguments: tuple[str, ...]) -> RuleLeaf:
    """The leaf that evaluates a rule over attributes of the entity it stands on."""
    return RuleLeaf(f"{rule.name}({','.join(arguments)})", rule, arguments)


def _members_of(schema: CompiledSchema, entity: EntityDefinition) -> Iterator[tuple[tuple[str, str], MemberPlan]]:
    for name, targets in entity.relations.items():
        has_usersets = any(target.relation for target in targets)
        yield (entity.name, name), RelationPlan(frozenset(targets), has_usersets, schema.reach[entity.name, name])
    for name, kind in entity.attributes.items():
        yield (entity.name, name), AttributePlan(kind)
    for name, rewrite in entity.permissions.items():
        yield (entity.name, name), PermissionPlan(_gate(schema, entity, rewrite), schema.reach[entity.name, name])


def _gate(schema: CompiledSchema, entity: EntityDefinition, rewrite: Rewrite) -> GatePlan:
    if not isinstance(rewrite, Operation):
        return GatePlan(ALLOWED, (_leaf(schema, entity, rewrite),))
    decisive = ALLOWED if rewrite.operator is Operator.UNION else DENIED
    chain = [rewrite]
    while isinstance(left := chain[-1].left, Operation) and _joins(left.operator, decisive):
        chain.append(left)
    operands = [_operand(schema, entity, chain[-1].left)]
    excluded = []
    for link in reversed(chain):
        side = excluded if link.operator is Operator.EXCLUSION else operands
        side.append(_operand(schema, entity, link.right))
    return GatePlan(decisive, tuple(operands), tuple(excluded))


def _joins(operator: Operator, decisive: Outcome) -> bool:
    return (operator is Operator.UNION) == (decisive == ALLOWED)


def _operand(schema: CompiledSchema, entity: EntityDefinition, rewrite: Rewrite) -> GatePlan | Leaf:
    if isinstance(rewrite, Operation):
        return _gate(schema, entity, rewrite)
    return _leaf(schema, entity, rewrite)


def _leaf(
    schema: CompiledSchema,
    entity: EntityDefinition,
    leaf: ComputedUserset | ComputedAttribute | Arrow | RuleCall,
) -> Leaf:
    match leaf:
        case ComputedUserset(name) | ComputedAttribute(name):
            return MemberLeaf(name)
        case RuleCall(rule, arguments):
            return call_leaf(schema.rules[rule], arguments)
        case Arrow(relation, name):
            targets = frozenset(entity.relations[relation])
            return ArrowLeaf(f"{relation}.{name}", relation, name, targets, _arrow_reach(schema, targets, name))


def _arrow_reach(schema: CompiledSchema, targets: frozenset[Target], name: str) -> Reach:
    ends = [_reach_of(schema, target.type, name) for target in targets]
    return Reach(frozenset().union(*(end.targets for end in ends)), any(end.anyone for end in ends))


def _reach_of(schema: CompiledSchema, entity_type: str, name: str) -> Reach:
    entity = schema.entities.get(entity_type)
    if entity is not None and name in entity.attributes:
        return EVERYONE
    return schema.reach.get((entity_type, name), NOBODY)
