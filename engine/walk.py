"""Frontier evaluation: rounds of batched reads over the nodes still open.

A round opens every node of the frontier, fetches what they ask for in one batch, and lets the answers settle what
they can; the nodes named on the way are the next frontier, one level deeper. The walk ends when every question is
decided or nothing is left to open. So a node's level is its shortest distance from a question over branches still
undecided, and the outcome depends on the data alone, never on the order in which things arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.cycles import settle_cycles
from engine.gates import Gate
from engine.nodes import ArrowNode, AttributeNode, Node, PermissionNode, RelationNode, RuleNode
from engine.outcomes import ALLOWED
from engine.overlay import Overlay
from engine.plan import ArrowLeaf, AttributePlan, MemberPlan, PermissionPlan, Plan, RelationPlan, RuleLeaf
from engine.reads import Reads
from model.errors import DepthExhausted, LimitExceeded
from model.tuples import SubjectRef
from schema.compiled import Reach, Target

NODES_PER_BATCH = 1_000
"""Nodes opened between two reads. More saves round trips on wide frontiers; fewer lets an answer end the walk sooner
and keeps the event loop free for others."""

MOST_NODES = 1_000_000
"""Nodes one request may visit, at about 500 bytes each; beyond that it fails rather than exhaust the node's memory."""


class Walk:
    """One evaluation: a plan, a pinned snapshot behind ``reads``, and the questions asked together.

    ``revived`` is set when a node that was given up is wanted again.
    """

    def __init__(self, plan: Plan, reads: Reads, overlay: Overlay, depth: int) -> None:
        self.plan = plan
        self.reads = reads
        self.overlay = overlay
        self.revived = False
        self._depth = depth
        self._level = 0
        self._frontier: list[Node] = []
        self._given_up: list[Node] = []
        self._nodes = 0

    async def run(self, roots: Sequence[Gate]) -> None:
        """Decide every root. Raises what the reads raise, and LimitExceeded for a walk over too many nodes."""
        for root in roots:
            root.wanted += 1
        while self._frontier and not _all_decided(roots):
            await self._round(roots)
            self._level += 1
        settle_cycles(roots)

    def add(self, node: Node) -> None:
        """A new node joins the next frontier."""
        self._frontier.append(node)
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise LimitExceeded(f"the check visits more than {MOST_NODES} relations and permissions")

    async def _round(self, roots: Sequence[Gate]) -> None:
        frontier, self._frontier = self._frontier, []
        for start in range(0, len(frontier), NODES_PER_BATCH):
            for node in frontier[start : start + NODES_PER_BATCH]:
                self._open(node)
            await self.reads.fetch()
            if _all_decided(roots):
                return
            if len(frontier) > NODES_PER_BATCH:
                await asyncio.sleep(0)
        if self.revived:
            self._take_up_again()

    def _open(self, node: Node) -> None:
        if node.outcome is not None:
            return
        if not node.wanted:
            self._given_up.append(node)
        elif self._level > self._depth:
            node.fail(DepthExhausted(f"depth {self._depth} is not enough: {node} lies {self._level} levels down"))
        elif node.asker.is_subject(node):
            node.settle(ALLOWED)
        else:
            node.open()

    def _take_up_again(self) -> None:
        self.revived = False
        self._frontier += [node for node in self._given_up if node.wanted]
        self._given_up = [node for node in self._given_up if not node.wanted]


class Asker:
    """One subject's view of a walk, with the visited set of its nodes.

    Where contextual tuples go beyond the schema, what a member can reach by the schema is not relied on.
    """

    __slots__ = ("_nodes", "_prunes", "subject", "target", "walk")

    def __init__(self, walk: Walk, subject: SubjectRef) -> None:
        self.walk = walk
        self.subject = subject
        self.target = Target(subject.type, subject.relation)
        self._prunes = walk.overlay.fits_schema
        self._nodes: dict[tuple[str, str, str], Node] = {}

    def is_subject(self, node: Node) -> bool:
        """True if the node asks whether the userset ``x:1#r`` holds ``r`` on ``x:1``: it does, by definition."""
        return (node.entity_type, node.entity_id, node.name) == self.subject

    def member(self, entity_type: str, entity_id: str, name: str) -> Node | None:
        """The node of a member; None if there is no such member or it cannot allow this subject."""
        plan = self.walk.plan.members.get((entity_type, name))
        if plan is None or not self._can_be_reached(plan.reach):
            return None
        key = (entity_type, entity_id, name)
        return self._visited(key) or self._visit(key, _node_of(self, *key, plan))

    def arrow(self, entity_type: str, entity_id: str, leaf: ArrowLeaf) -> Node | None:
        """The node of an arrow, opened on the same level; None if nothing it points at can allow this subject."""
        if not self._can_be_reached(leaf.reach):
            return None
        key = (entity_type, entity_id, leaf.key)
        if (node := self._visited(key)) is None:
            node = self._nodes[key] = ArrowNode(self, entity_type, entity_id, leaf)
            node.open()
        return node

    def rule_call(self, entity_type: str, entity_id: str, leaf: RuleLeaf) -> Node:
        """The node of a rule call."""
        key = (entity_type, entity_id, leaf.key)
        return self._visited(key) or self._visit(key, RuleNode(self, entity_type, entity_id, leaf))

    def _can_be_reached(self, reach: Reach) -> bool:
        return reach.anyone or self.target in reach.targets or not self._prunes

    def _visited(self, key: tuple[str, str, str]) -> Node | None:
        node = self._nodes.get(key)
        if node is not None and not node.wanted and node.outcome is None:
            self.walk.revived = True
        return node

    def _visit(self, key: tuple[str, str, str], node: Node) -> Node:
        self._nodes[key] = node
        self.walk.add(node)
        return node


def _all_decided(roots: Sequence[Gate]) -> bool:
    return all(root.outcome is not None for root in roots)


def _node_of(asker: Asker, entity_type: str, entity_id: str, name: str, plan: MemberPlan) -> Node:
    match plan:
        case PermissionPlan():
            return PermissionNode(asker, entity_type, entity_id, name, plan)
        case RelationPlan():
            return RelationNode(asker, entity_type, entity_id, name, plan)
        case AttributePlan():
            return AttributeNode(asker, entity_type, entity_id, name)
