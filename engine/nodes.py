"""The nodes of a walk: a relation, permission, attribute, arrow or rule call of one entity, asked for one subject.

Opening a node makes gates of its rewrite, names the nodes it depends on and asks for the reads it needs; the answers
add the nodes the data points at. A node lives in its asker's visited set, so every road to it shares its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.gates import Gate
from engine.outcomes import ALLOWED, DENIED, Outcome
from engine.plan import ArrowLeaf, GatePlan, MemberLeaf, PermissionPlan, RelationPlan, RuleLeaf
from model.attributes import AttributeKind, AttributeValue, EntityAttribute, PlainValue
from model.errors import AuthzError, InvalidRequest
from model.tuples import EntityRelation, RelationTuple, SubjectRef
from schema.compiled import Target

if TYPE_CHECKING:
    from engine.walk import Asker


class Node(Gate):
    """A member, arrow or rule call of one entity. ``name`` is its key in the plan."""

    __slots__ = ("asker", "entity_id", "entity_type", "name")

    def __init__(self, asker: Asker, entity_type: str, entity_id: str, name: str, decisive: Outcome = ALLOWED) -> None:
        super().__init__(decisive)
        self.asker = asker
        self.entity_type = entity_type
        self.entity_id = entity_id
        self.name = name

    def open(self) -> None:
        """Ask for what the outcome depends on."""
        raise NotImplementedError

    def add_member(self, gate: Gate, entity_type: str, entity_id: str, name: str) -> None:
        """Make a member of an entity an operand of a gate; one that can never allow counts as DENIED at once."""
        child = self.asker.member(entity_type, entity_id, name)
        if child is None:
            gate.take(DENIED)
        else:
            gate.add(child)

    def __str__(self) -> str:
        """The text form ``type:id#name``."""
        return f"{self.entity_type}:{self.entity_id}#{self.name}"


class PermissionNode(Node):
    """A permission: its rewrite over nodes of the same entity."""

    __slots__ = ("plan",)

    def __init__(self, asker: Asker, entity_type: str, entity_id: str, name: str, plan: PermissionPlan) -> None:
        super().__init__(asker, entity_type, entity_id, name, plan.gate.decisive)
        self.plan = plan

    def open(self) -> None:
        """Build the gates of the rewrite."""
        self._build(self, self.plan.gate)

    def _build(self, gate: Gate, plan: GatePlan) -> None:
        for operand in plan.operands:
            child = self._operand(operand)
            if child is None:
                gate.take(DENIED)
            else:
                gate.add(child)
            if gate.outcome is not None:
                return
        for operand in plan.excluded:
            child = self._operand(operand)
            if child is not None:
                gate.exclude(child)
            if gate.outcome is not None:
                return
        gate.let_go()

    def _operand(self, operand: GatePlan | MemberLeaf | ArrowLeaf | RuleLeaf) -> Gate | None:
        if isinstance(operand, MemberLeaf):
            return self.asker.member(self.entity_type, self.entity_id, operand.key)
        if isinstance(operand, ArrowLeaf):
            return self.asker.arrow(self.entity_type, self.entity_id, operand)
        if isinstance(operand, RuleLeaf):
            return self.asker.rule_call(self.entity_type, self.entity_id, operand)
        gate = Gate(operand.decisive)
        self._build(gate, operand)
        return gate


class RelationNode(Node):
    """A relation: is the subject among its tuples, or in one of the usersets they name?

    Never lists the direct subjects: it asks for this one, and for usersets where the schema lets them be stored.
    """

    __slots__ = ("plan",)

    def __init__(self, asker: Asker, entity_type: str, entity_id: str, name: str, plan: RelationPlan) -> None:
        super().__init__(asker, entity_type, entity_id, name)
        self.plan = plan

    def open(self) -> None:
        """Look at contextual tuples, then ask for the stored ones that can matter."""
        asker, reads = self.asker, self.asker.walk.reads
        key = EntityRelation(self.entity_type, self.entity_id, self.name)
        self._overlay(asker.walk.overlay.subjects.get(key, ()))
        if self.outcome is not None:
            return
        if asker.target in self.plan.targets:
            reads.memberships.ask(RelationTuple(*key, *asker.subject), self)
        if self.plan.has_usersets:
            reads.usersets.ask(key, self)
        self.let_go()

    def take_membership(self, found: bool) -> None:
        """The answer to whether the subject itself is stored."""
        if found:
            self.settle(ALLOWED)
        else:
            self.let_go()

    def take_usersets(self, usersets: Sequence[SubjectRef]) -> None:
        """The stored usersets; those the schema no longer lets be stored do not count."""
        for userset in usersets:
            if Target(userset.type, userset.relation) in self.plan.targets:
                self.add_member(self, *userset)
                if self.outcome is not None:
                    return
        self.let_go()

    def _overlay(self, subjects: Sequence[SubjectRef]) -> None:
        if self.asker.subject in subjects:
            self.settle(ALLOWED)
            return
        for subject in subjects:
            if subject.relation:
                self.add_member(self, *subject)


class ArrowNode(Node):
    """``relation.name``: the name on every entity the relation points at, whatever relation the tuples give."""

    __slots__ = ("leaf",)

    def __init__(self, asker: Asker, entity_type: str, entity_id: str, leaf: ArrowLeaf) -> None:
        super().__init__(asker, entity_type, entity_id, leaf.key)
        self.leaf = leaf

    def open(self) -> None:
        """Ask for all subjects of the relation; costs no depth, the entities they name do."""
        key = EntityRelation(self.entity_type, self.entity_id, self.leaf.relation)
        for subject in self.asker.walk.overlay.subjects.get(key, ()):
            self.add_member(self, subject.type, subject.id, self.leaf.name)
        self.asker.walk.reads.subjects.ask(key, self)
        self.let_go()

    def take_subjects(self, subjects: Sequence[SubjectRef]) -> None:
        """The stored subjects; those the schema no longer lets be stored do not count."""
        for subject in subjects:
            if Target(subject.type, subject.relation) in self.leaf.targets:
                self.add_member(self, subject.type, subject.id, self.leaf.name)
                if self.outcome is not None:
                    return
        self.let_go()


class AttributeNode(Node):
    """A boolean attribute: a contextual value counts before a stored one, and none means DENIED."""

    __slots__ = ()

    def open(self) -> None:
        """Look at the context, then ask for the stored value."""
        key = EntityAttribute(self.entity_type, self.entity_id, self.name)
        value = self.asker.walk.overlay.attributes.get(key)
        if value is None:
            self.asker.walk.reads.attributes.ask(key, self)
            self.let_go()
        else:
            self._decide(value)

    def take_attribute(self, _key: EntityAttribute, value: AttributeValue | None) -> None:
        """The stored value, or None."""
        if value is None:
            self.let_go()
        else:
            self._decide(value)

    def _decide(self, value: AttributeValue) -> None:
        if value.kind is not AttributeKind.BOOLEAN:
            kind = value.kind.keyword
            self.fail(InvalidRequest(f"expected a boolean in {self}, found {kind}"))
        else:
            self.settle(ALLOWED if value.value else DENIED)


class RuleNode(Node):
    """A rule call: CEL over attributes of the entity and the request's context data.

    A stored attribute counts before a contextual one; with neither the parameter has its kind's zero value.
    Source: reference semantics §3.2, S-4, S-6.
    """

    __slots__ = ("leaf", "missing", "values")

    def __init__(self, asker: Asker, entity_type: str, entity_id: str, leaf: RuleLeaf) -> None:
        super().__init__(asker, entity_type, entity_id, leaf.key)
        self.leaf = leaf
        self.missing = len(leaf.arguments)
        self.values: dict[str, PlainValue] = {name: kind.zero for name, kind in leaf.rule.parameters.items()}

    def open(self) -> None:
        """Ask for every argument's stored value."""
        for name in self.leaf.arguments:
            key = EntityAttribute(self.entity_type, self.entity_id, name)
            self.asker.walk.reads.attributes.ask(key, self)
        if self.missing == 0:
            self._evaluate()
        self.let_go()

    def take_attribute(self, key: EntityAttribute, value: AttributeValue | None) -> None:
        """One argument's stored value, or None; with the last one the rule is evaluated."""
        chosen = value if value is not None else self.asker.walk.overlay.attributes.get(key)
        kind = self.leaf.rule.parameters.get(key.name)
        if chosen is not None and chosen.kind is not kind:
            wanted = kind.keyword if kind else "no such parameter"
            message = f"expected {wanted} for argument {key.name} of {self}, found {chosen.kind.keyword}"
            self.fail(InvalidRequest(message))
        elif chosen is not None:
            self.values[key.name] = chosen.value
        self.missing -= 1
        if self.missing == 0 and self.outcome is None:
            self._evaluate()
        self.let_go()

    def _evaluate(self) -> None:
        try:
            allowed = self.leaf.rule.evaluate(self.values, self.asker.walk.overlay.data)
        except AuthzError as error:
            self.fail(error)
        else:
            self.settle(ALLOWED if allowed else DENIED)
