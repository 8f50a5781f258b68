"""What a rewrite is made of once it is ready to walk: gates over leaves, each resolving itself for one entity.

Chains of one operator become one gate (``a or b or c`` has three operands), and ``a not b`` is an intersection of
``a`` with the mirror image of ``b``; so there are two sorts of gate, told apart by the outcome that decides them: one
ALLOWED decides a union, one DENIED an intersection.

Resolving gives the outcome where the facts of the entity settle it, else the gate to wait for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.gates import Gate
from engine.outcomes import ALLOWED, DENIED, Outcome
from schema.compiled import Target
from schema.rules import Rule
from storage.base import Facts, Wanted

if TYPE_CHECKING:
    from engine.asker import Asker
    from engine.nodes import Node


@dataclass(frozen=True, slots=True)
class RelationLeaf:
    """A relation of the same entity, one level down; wanted is what has to be read for it."""

    name: str
    wanted: Wanted

    def resolve(self, node: Node, facts: Facts) -> Gate | Outcome:
        """Settled by the facts unless usersets or the context have to be looked into."""
        asker = node.asker
        if not asker.walk.is_last_level:
            if self.name in facts.memberships:
                asker.count += 1
                return ALLOWED
            if asker.is_plain and self.name not in facts.usersets:
                asker.count += 1
                return DENIED
        return asker.member(node.entity_type, node.entity_id, self.name) or DENIED


@dataclass(frozen=True, slots=True)
class PermissionLeaf:
    """A permission of the same entity, one level down."""

    name: str

    def resolve(self, node: Node, facts: Facts) -> Gate | Outcome:  # noqa: ARG002 - as all leaves
        """The permission's node."""
        return node.asker.member(node.entity_type, node.entity_id, self.name) or DENIED


@dataclass(frozen=True, slots=True)
class AttributeLeaf:
    """A boolean attribute of the same entity, one level down."""

    name: str

    def resolve(self, node: Node, facts: Facts) -> Gate | Outcome:
        """Settled here where nothing is stored or given."""
        walk = node.asker.walk
        if not walk.is_last_level and not walk.overlay.attributes and self.name not in facts.attributes:
            node.asker.count += 1
            return DENIED
        return node.asker.member(node.entity_type, node.entity_id, self.name) or DENIED


@dataclass(frozen=True, slots=True)
class ArrowLeaf:
    """``relation.name``: the name on every entity the relation points at, whatever relation the tuples give.

    Costs no level itself, the members it leads to do. Stored tuples count if they point at one of the targets.
    """

    relation: str
    name: str
    targets: frozenset[Target]

    def resolve(self, node: Node, facts: Facts) -> Gate | Outcome:
        """DENIED if the relation points at nothing, the member if at one thing, else their union."""
        ends = node.subjects_of(self.relation, facts.subjects.get(self.relation, ()), self.targets)
        if len(ends) == 1:
            (end,) = ends
            return node.asker.member(end.type, end.id, self.name) or DENIED
        if not ends:
            return DENIED
        gate = Gate(ALLOWED)
        add_members(gate, node.asker, ((end.type, end.id, self.name) for end in ends))
        return gate


@dataclass(frozen=True, slots=True)
class RuleLeaf:
    """A rule call, one level down. name is its text, which no member can have."""

    name: str
    rule: Rule
    arguments: tuple[str, ...]
    wanted: Wanted
    covers: frozenset[str]
    decisive: Outcome = ALLOWED

    @classmethod
    def of(cls, rule: Rule, arguments: tuple[str, ...]) -> RuleLeaf:
        """The call of a rule with attributes of the entity it stands on."""
        name = f"{rule.name}({','.join(arguments)})"
        return cls(name, rule, arguments, Wanted(attributes=arguments), frozenset((name,)))

    def resolve(self, node: Node, facts: Facts) -> Gate | Outcome:  # noqa: ARG002 - as all leaves
        """The call's node: it is evaluated only if nothing else decides first."""
        return node.asker.rule_call(node.entity_type, node.entity_id, self)


Leaf = RelationLeaf | PermissionLeaf | AttributeLeaf | ArrowLeaf | RuleLeaf


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A union that says the same with fewer operands; see ``engine/shortcuts.py``.

    relations: all whose memberships count, inlined: those among them that belong to permissions left out. others: what
    remains beside relations. levels: how deep the inlined relations lie.
    """

    relations: frozenset[str]
    inlined: frozenset[str]
    others: tuple[GatePlan | Leaf, ...]
    levels: int


@dataclass(frozen=True, slots=True)
class GatePlan:
    """Operands combined: decided by the first that equals ``decisive``; ``excluded`` ones count mirrored.

    A union without operands is DENIED. What can never allow is left out, and where that decides an intersection the
    whole gate is. relations: the names of the relations in a union, and others its other operands, so that the facts
    settle most relations together, and shortcut goes further where one union contains another; both are there for the
    sake of bench/engine_cost.py.
    """

    decisive: Outcome
    operands: tuple[GatePlan | Leaf, ...]
    excluded: tuple[GatePlan | Leaf, ...]
    relations: frozenset[str]
    others: tuple[GatePlan | Leaf, ...]
    shortcut: Shortcut | None = None

    @classmethod
    def of(
        cls, decisive: Outcome, operands: Iterable[GatePlan | Leaf], excluded: Iterable[GatePlan | Leaf] = ()
    ) -> GatePlan:
        """The plan of a gate."""
        every = tuple(operands)
        relations = [operand for operand in every if isinstance(operand, RelationLeaf)] if decisive == ALLOWED else []
        return cls(
            decisive=decisive,
            operands=every,
            excluded=tuple(excluded),
            relations=frozenset(leaf.name for leaf in relations),
            others=tuple(part for part in every if decisive != ALLOWED or not isinstance(part, RelationLeaf)),
        )

    def resolve(self, node: Node, facts: Facts) -> Gate | Outcome:
        """A gate of its own."""
        gate = Gate(self.decisive)
        self.fill(gate, node, facts)
        return gate

    def fill(self, gate: Gate, node: Node, facts: Facts) -> None:
        """Give a gate its operands, until one decides it; it is closed or decided afterwards."""
        for operand in self._unsettled(gate, node, facts):
            found = operand.resolve(node, facts)
            if isinstance(found, Gate):
                gate.add(found)
            else:
                gate.add_leaf(found)
            if gate.outcome is not None:
                return
        if self.excluded:
            self._exclude(gate, node, facts)
        if gate.outcome is None:
            gate.close()

    def _exclude(self, gate: Gate, node: Node, facts: Facts) -> None:
        for operand in self.excluded:
            found = operand.resolve(node, facts)
            if isinstance(found, Gate):
                gate.exclude(found)
            else:
                gate.add_leaf(ALLOWED - found)
            if gate.outcome is not None:
                return

    def _unsettled(self, gate: Gate, node: Node, facts: Facts) -> Iterable[GatePlan | Leaf]:
        """The operands to look at one by one; relations without anything stored are settled at once."""
        asker, relations, others = node.asker, self.relations, self.others
        if not asker.is_plain or asker.walk.is_last_level:
            return self.operands
        shortcut = self.shortcut
        if (
            shortcut is not None
            and shortcut.levels <= asker.walk.levels_left
            and shortcut.inlined.isdisjoint(facts.usersets)
        ):
            relations, others = shortcut.relations, shortcut.others
        if not relations.isdisjoint(facts.memberships):
            asker.count += 1
            gate.add_leaf(ALLOWED)
            return ()
        asker.count += len(relations)
        if self.relations.isdisjoint(facts.usersets):
            return others
        return (*(operand for operand in self.operands if isinstance(operand, RelationLeaf)), *others)


NEVER = GatePlan.of(ALLOWED, ())


def add_members(gate: Gate, asker: Asker, members: Iterable[tuple[str, str, str]]) -> None:
    """Add members of entities, by (type, id, name), to a union until one decides it, then close it."""
    for member in members:
        node = asker.member(*member)
        if node is None:
            gate.add_leaf(DENIED)
        else:
            gate.add(node)
        if gate.outcome is not None:
            return
    gate.close()
