"""One subject's view of a walk: the plan for its sort, what is known of each entity, and the nodes visited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.leaves import RuleLeaf
from engine.nodes import AttributeNode, Node, PermissionNode, RelationNode, RuleNode
from engine.plan import AttributePlan, MemberPlan, PermissionPlan, RelationPlan, WholePlan
from model.tuples import SubjectRef
from schema.compiled import Target
from storage.base import Facts

if TYPE_CHECKING:
    from engine.walk import Walk

NO_FACTS = Facts(frozenset(), {}, {}, {})


class Known:
    """What was read of one entity. The snapshot is pinned, so facts only accumulate.

    covered: members whose questions the facts answer, or will once what is being read has arrived. place: which of the
    reads of a batch that is.
    """

    __slots__ = ("covered", "facts", "is_being_read", "place")

    def __init__(self) -> None:
        self.covered: frozenset[str] = frozenset()
        self.facts = NO_FACTS
        self.is_being_read = False
        self.place = 0

    def cover(self, members: frozenset[str]) -> None:
        """Note that what these members want is being read."""
        self.covered = self.covered | members if self.covered else members
        self.is_being_read = True

    def learn(self, facts: Facts) -> None:
        """Take in what was read."""
        self.is_being_read = False
        if self.facts is NO_FACTS:
            self.facts = facts
            return
        self.facts = Facts(
            memberships=self.facts.memberships | facts.memberships,
            usersets={**self.facts.usersets, **facts.usersets},
            subjects={**self.facts.subjects, **facts.subjects},
            attributes={**self.facts.attributes, **facts.attributes},
        )


class Asker:
    """A subject within a walk; all questions about it share one, and with it their nodes and reads.

    is_plain: the subject is no userset and no contextual tuples are given, so that what is stored under a relation
    says all about it. count: members and rule calls looked at so far. Where contextual tuples go beyond the schema,
    nothing is left out of the plan.
    """

    __slots__ = ("_known", "_members", "_nodes", "_target", "count", "is_plain", "subject", "walk")

    def __init__(self, walk: Walk, subject: SubjectRef) -> None:
        self.walk = walk
        self.subject = subject
        self.count = 0
        self.is_plain = not subject.relation and not walk.overlay.subjects
        self._target = Target(subject.type, subject.relation)
        self._members = walk.plan.members_for(self._target, fits_schema=walk.overlay.fits_schema)
        self._known: dict[tuple[str, str], Known] = {}
        self._nodes: dict[tuple[str, str, str], Node] = {}

    def member(self, entity_type: str, entity_id: str, name: str) -> Node | None:
        """The node of a member; None if there is no such member or it cannot allow this subject."""
        key = (entity_type, entity_id, name)
        if (node := self._nodes.get(key)) is not None:
            return self._met_again(node)
        plan = self._members.get((entity_type, name))
        if plan is None:
            return None
        node = self._nodes[key] = _NODES[type(plan)](self, entity_type, entity_id, name, plan)
        self.count += 1
        self.walk.frontier.append(node)
        return node

    def rule_call(self, entity_type: str, entity_id: str, leaf: RuleLeaf) -> Node:
        """The node of a rule call."""
        key = (entity_type, entity_id, leaf.name)
        if (node := self._nodes.get(key)) is not None:
            return self._met_again(node)
        node = self._nodes[key] = RuleNode(self, entity_type, entity_id, leaf.name, leaf)
        self.count += 1
        self.walk.frontier.append(node)
        return node

    def known(self, node: Node) -> Known:
        """What is known of a node's entity, for reading and for adding to."""
        key = (node.entity_type, node.entity_id)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = Known()
        return known

    def whole(self, entity_type: str) -> WholePlan:
        """What to read of an entity several of whose members are looked into at once."""
        return self.walk.plan.whole_for(self._target, entity_type, fits_schema=self.walk.overlay.fits_schema)

    def _met_again(self, node: Node) -> Node:
        if not node.wanted and node.outcome is None:
            self.walk.revives = True
        return node


_NODES: Mapping[type[MemberPlan], type[Node]] = {
    PermissionPlan: PermissionNode,
    RelationPlan: RelationNode,
    AttributePlan: AttributeNode,
}
