"""The nodes of a walk: a relation, permission, attribute or rule call of one entity, asked for one subject.

Building a node makes the gates of its rewrite from the facts of its entity. What the facts settle becomes an operand
at once; members of this and of other entities that must be looked into become nodes of the next level. A node lives
in its asker's visited set, so every road to it shares its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from engine.gates import Gate
from engine.leaves import RuleLeaf, add_members
from engine.outcomes import ALLOWED, DENIED
from engine.plan import AttributePlan, NodePlan, PermissionPlan, RelationPlan
from engine.values import holds, is_true
from model.attributes import EntityAttribute
from model.errors import AuthzError
from model.tuples import EntityRef, EntityRelation, SubjectRef
from schema.compiled import Target
from storage.base import Facts

if TYPE_CHECKING:
    from engine.asker import Asker


class Node(Gate):
    """A member or rule call of one entity."""

    __slots__ = ("asker", "entity_id", "entity_type", "name", "plan")

    plan: NodePlan

    def __init__(self, asker: Asker, entity_type: str, entity_id: str, name: str, plan: NodePlan) -> None:
        Gate.__init__(self, plan.decisive)  # a call less than super(), for every node (bench/engine_cost.py)
        self.asker = asker
        self.entity_type = entity_type
        self.entity_id = entity_id
        self.name = name
        self.plan = plan

    def build(self, facts: Facts) -> None:
        """Add the operands the facts of the entity call for; the gate is closed or decided afterwards."""
        raise NotImplementedError

    @property
    def is_subject(self) -> bool:
        """True if the node asks whether the userset ``x:1#r`` holds ``r`` on ``x:1``: it does, by definition."""
        return (self.entity_type, self.entity_id, self.name) == self.asker.subject

    def subjects_of(self, relation: str, stored: Sequence[SubjectRef], targets: Set[Target]) -> Sequence[SubjectRef]:
        """Contextual subjects of a relation of this entity, then the stored ones the schema still lets be stored."""
        found = [subject for subject in stored if (subject.type, subject.relation) in targets]
        if overlaid := self.asker.walk.overlay.subjects:
            return [*overlaid.get(EntityRelation(self.entity_type, self.entity_id, relation), ()), *found]
        return found

    def __str__(self) -> str:
        """The text form ``type:id#name``."""
        return f"{self.entity_type}:{self.entity_id}#{self.name}"


class PermissionNode(Node):
    """A permission: its rewrite over the facts of the entity."""

    __slots__ = ()

    plan: PermissionPlan

    def build(self, facts: Facts) -> None:
        """Resolve the rewrite."""
        self.plan.gate.fill(self, self, facts)


class RelationNode(Node):
    """A relation: is the subject among its tuples, or in one of the usersets they name?"""

    __slots__ = ()

    plan: RelationPlan

    def build(self, facts: Facts) -> None:
        """Settle what is stored or given directly, else look into the usersets."""
        subjects = self.subjects_of(self.name, facts.usersets.get(self.name, ()), self.plan.targets)
        if self.name in facts.memberships or self.asker.subject in subjects:
            self.settle(ALLOWED)
        else:
            add_members(self, self.asker, (subject for subject in subjects if subject.relation))


class AttributeNode(Node):
    """A boolean attribute."""

    __slots__ = ()

    plan: AttributePlan

    def build(self, facts: Facts) -> None:
        """Settle by the value; one that is no boolean fails."""
        key = EntityAttribute(self.entity_type, self.entity_id, self.name)
        try:
            self.settle(ALLOWED if is_true(key, facts, self.asker.walk.overlay) else DENIED)
        except AuthzError as error:
            self.fail(error)


class RuleNode(Node):
    """A rule call."""

    __slots__ = ()

    plan: RuleLeaf

    def build(self, facts: Facts) -> None:
        """Evaluate; what the rule cannot digest fails."""
        entity = EntityRef(self.entity_type, self.entity_id)
        try:
            self.settle(ALLOWED if holds(self.plan, entity, facts, self.asker.walk.overlay) else DENIED)
        except AuthzError as error:
            self.fail(error)
