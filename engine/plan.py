"""A compiled schema made ready to walk for one sort of subject.

A plan is made per target, the type and relation of the subject who asks: leaves that can never allow such a subject
are left out, and each permission lists what it may want to know of its entity, itself and through other members of
the same entity, so that one read per entity serves them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from engine.leaves import (
    NEVER,
    ArrowLeaf,
    AttributeLeaf,
    GatePlan,
    Leaf,
    PermissionLeaf,
    RelationLeaf,
    RuleLeaf,
)
from engine.outcomes import ALLOWED, DENIED, Outcome
from engine.shortcuts import with_shortcuts
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
    Target,
)
from storage.base import Wanted


@dataclass(frozen=True, slots=True)
class RelationPlan:
    """How to check a relation. Stored tuples count if they point at one of the targets."""

    targets: frozenset[Target]
    wanted: Wanted
    covers: frozenset[str]
    decisive: Outcome = ALLOWED


@dataclass(frozen=True, slots=True)
class PermissionPlan:
    """How to check a permission. wanted includes what the members of the same entity it refers to want, directly or
    through each other, so that one read serves them all; those and the permission itself are named in ``covers``.
    """

    gate: GatePlan
    wanted: Wanted
    covers: frozenset[str]
    decisive: Outcome


@dataclass(frozen=True, slots=True)
class AttributePlan:
    """How to check an attribute as if it were a permission."""

    wanted: Wanted
    covers: frozenset[str]
    decisive: Outcome = ALLOWED


@dataclass(frozen=True, slots=True)
class WholePlan:
    """What to read of an entity several of whose members are asked for: what all its members want."""

    wanted: Wanted
    covers: frozenset[str]


MemberPlan = RelationPlan | PermissionPlan | AttributePlan
NodePlan = MemberPlan | RuleLeaf


class Plan:
    """A schema version made ready; hands out the member plans for each sort of subject.

    Kept per sort of subject the schema speaks of, so that its size is not up to what clients ask.
    """

    def __init__(self, schema: CompiledSchema) -> None:
        self.schema = schema
        self._members: dict[tuple[Target, bool], Mapping[tuple[str, str], MemberPlan]] = {}
        self._whole: dict[tuple[Target, bool, str], WholePlan] = {}
        self._declared = frozenset(
            target
            for entity in schema.entities.values()
            for target in (
                *chain.from_iterable(entity.relations.values()),
                *(Target(entity.name, name) for name in (*entity.relations, *entity.permissions)),
            )
        )

    def __repr__(self) -> str:
        return f"<Plan of {len(self.schema.entities)} entity types for {len(self._members)} sorts of subject>"

    def members_for(self, target: Target, *, fits_schema: bool = True) -> Mapping[tuple[str, str], MemberPlan]:
        """Member plans by (entity type, name) for subjects of a sort; members that cannot allow them have none.

        fits_schema: False for a request whose contextual tuples go beyond the schema. Nothing is left out then; what is
        stored counts as ever, only if the schema lets it be there.
        """
        key = (self._declared_or_none_of_them(target), fits_schema)
        members = self._members.get(key)
        if members is None:
            members = self._members[key] = _Specialised(self.schema, *key).members()
        return members

    def whole_for(self, target: Target, entity_type: str, *, fits_schema: bool = True) -> WholePlan:
        """What all members of a type want together, for subjects of a sort as in ``members_for``."""
        key = (self._declared_or_none_of_them(target), fits_schema, entity_type)
        whole = self._whole.get(key)
        if whole is None:
            members = self.members_for(target, fits_schema=fits_schema)
            plans = [plan for (kind, _), plan in members.items() if kind == entity_type]
            covers = frozenset(chain.from_iterable(plan.covers for plan in plans))
            whole = self._whole[key] = WholePlan(_joined(plan.wanted for plan in plans), covers)
        return whole

    def _declared_or_none_of_them(self, target: Target) -> Target:
        return target if target in self._declared else _UNDECLARED


_UNDECLARED = Target("")  # stands for all subjects no relation mentions; no entity has an empty name


class _Specialised:
    """Makes the member plans for one sort of subject."""

    def __init__(self, schema: CompiledSchema, target: Target, fits_schema: bool) -> None:
        self._schema = schema
        self._target = target
        self._leaves_nothing_out = not fits_schema

    def members(self) -> dict[tuple[str, str], MemberPlan]:
        entities = self._schema.entities.values()
        gates = {
            (entity.name, name): self._gate(entity, rewrite)
            for entity in entities
            for name, rewrite in entity.permissions.items()
            if self._can_allow(entity.name, name)
        }
        members: dict[tuple[str, str], MemberPlan] = {}
        for entity in entities:
            for name in entity.attributes:
                members[entity.name, name] = AttributePlan(Wanted(attributes=(name,)), frozenset((name,)))
            for name in entity.relations:
                if self._can_allow(entity.name, name):
                    members[entity.name, name] = self._relation(entity, name)
        for (kind, name), gate in with_shortcuts(gates, self._can_allow).items():
            leaves = _local_leaves(kind, name, gates)
            covers = frozenset((name, *(leaf.name for leaf in leaves if not isinstance(leaf, ArrowLeaf))))
            members[kind, name] = PermissionPlan(gate, _wanted(leaves), covers, gate.decisive)
        return members

    def _relation(self, entity: EntityDefinition, name: str) -> RelationPlan:
        targets = frozenset(entity.relations[name])
        has_usersets = any(target.relation and self._can_allow(*target) for target in targets)
        wanted = Wanted(
            memberships=(name,) if self._target in targets else (), usersets=(name,) if has_usersets else ()
        )
        return RelationPlan(targets, wanted, frozenset((name,)))

    def _gate(self, entity: EntityDefinition, rewrite: Rewrite) -> GatePlan:
        if not isinstance(rewrite, Operation):
            return _gate_of(ALLOWED, [self._operand(entity, rewrite)], [])
        decisive = ALLOWED if rewrite.operator is Operator.UNION else DENIED
        links = [rewrite]
        while isinstance(left := links[-1].left, Operation) and (left.operator is Operator.UNION) == (
            decisive == ALLOWED
        ):
            links.append(left)
        operands = [self._operand(entity, links[-1].left)]
        excluded: list[GatePlan | Leaf | None] = []
        for link in reversed(links):
            side = excluded if link.operator is Operator.EXCLUSION else operands
            side.append(self._operand(entity, link.right))
        return _gate_of(decisive, operands, excluded)

    def _operand(self, entity: EntityDefinition, rewrite: Rewrite) -> GatePlan | Leaf | None:
        """The operand, or None for one that can never allow."""
        match rewrite:
            case Operation():
                gate = self._gate(entity, rewrite)
                return None if gate == NEVER else gate
            case ComputedAttribute(name):
                return AttributeLeaf(name)
            case ComputedUserset(name):
                return self._member(entity, name)
            case RuleCall(rule, arguments):
                return RuleLeaf.of(self._schema.rules[rule], arguments)
            case Arrow(relation, name):
                targets = frozenset(entity.relations[relation])
                can_allow = any(self._can_allow(target.type, name) for target in targets)
                return ArrowLeaf(relation, name, targets) if can_allow else None

    def _member(self, entity: EntityDefinition, name: str) -> Leaf | None:
        if not self._can_allow(entity.name, name):
            return None
        if name in entity.relations:
            return RelationLeaf(name, self._relation(entity, name).wanted)
        return PermissionLeaf(name)

    def _can_allow(self, entity_type: str, name: str) -> bool:
        entity = self._schema.entities.get(entity_type)
        if entity is None:
            return False
        reach = self._schema.reach.get((entity_type, name))
        if reach is None or self._leaves_nothing_out:
            return reach is not None or name in entity.attributes
        return reach.anyone or self._target in reach.targets


def _gate_of(
    decisive: Outcome, operands: Iterable[GatePlan | Leaf | None], excluded: Iterable[GatePlan | Leaf | None]
) -> GatePlan:
    every = tuple(operands)
    if decisive == DENIED and None in every:
        return NEVER
    kept, kept_out = ([operand for operand in side if operand is not None] for side in (every, excluded))
    return GatePlan.of(decisive, kept, kept_out)


def _local_leaves(kind: str, name: str, gates: Mapping[tuple[str, str], GatePlan]) -> list[Leaf]:
    """The leaves of a permission and of all permissions of its entity that it leads to."""
    found: list[Leaf] = []
    visited = {name}
    stack = [name]
    while stack:
        for leaf in _leaves(gates[kind, stack.pop()]):
            found.append(leaf)
            if isinstance(leaf, PermissionLeaf) and leaf.name not in visited:
                visited.add(leaf.name)
                stack.append(leaf.name)
    return found


def _leaves(gate: GatePlan) -> Iterable[Leaf]:
    for operand in (*gate.operands, *gate.excluded):
        if isinstance(operand, GatePlan):
            yield from _leaves(operand)
        else:
            yield operand


def _wanted(leaves: Iterable[Leaf]) -> Wanted:
    memberships: set[str] = set()
    usersets: set[str] = set()
    subjects: set[str] = set()
    attributes: set[str] = set()
    for leaf in leaves:
        match leaf:
            case RelationLeaf():
                memberships.update(leaf.wanted.memberships)
                usersets.update(leaf.wanted.usersets)
            case ArrowLeaf():
                subjects.add(leaf.relation)
            case AttributeLeaf():
                attributes.add(leaf.name)
            case RuleLeaf():
                attributes.update(leaf.arguments)
            case PermissionLeaf():
                pass
    return Wanted(*(tuple(sorted(names)) for names in (memberships, usersets, subjects, attributes)))


def _joined(parts: Iterable[Wanted]) -> Wanted:
    every = list(parts)
    return Wanted(
        memberships=_sorted(part.memberships for part in every),
        usersets=_sorted(part.usersets for part in every),
        subjects=_sorted(part.subjects for part in every),
        attributes=_sorted(part.attributes for part in every),
    )


def _sorted(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(set(chain.from_iterable(names))))
