"""Frontier evaluation: rounds of batched reads over the nodes still open.

A round takes the nodes of the frontier, fetches in one batch what is not known yet of their entities, and builds them:
facts settle what they can, and the members they lead to are the next frontier, one level deeper. The walk ends when
every question is decided or nothing is left to build. So a node's level is its shortest distance from a question over
branches still undecided, and the outcome depends on the data alone, never on the order in which things arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from engine.cycles import settle_cycles
from engine.gates import Gate
from engine.outcomes import ALLOWED
from engine.overlay import Overlay
from engine.plan import Plan
from engine.tally import Tally
from model.errors import DepthExhausted, LimitExceeded
from storage.base import EntityRead, Facts
from telemetry.spans import Span, child_span

if TYPE_CHECKING:
    from engine.asker import Known
    from engine.nodes import Node

NODES_PER_BATCH = 200
"""Nodes built between two awaits, two or three milliseconds, and those of the first batch of a frontier."""

MOST_NODES_PER_READ = 2_000
"""Nodes of one batch. Batches double up to it: a frontier of thousands takes few round trips, and an answer among its
first nodes ends the walk before much of the rest is read."""

NODES_PER_TURN = 100
"""Nodes built over several rounds before others get their turn; a cancelled walk over data at hand ends there too."""

MOST_NODES = 250_000
"""Nodes one request may visit, at about 500 bytes each; beyond that it fails rather than exhaust the node's memory."""

T = TypeVar("T")

Read = Callable[[Sequence[EntityRead]], Awaitable[Sequence[Facts]]]
"""``SnapshotReader.read`` for one tenant at one snapshot."""


class _Batch(NamedTuple):
    """Reads with those who learn from them, aligned, and the nodes that wait for that."""

    reads: list[EntityRead]
    readers: list[Known]
    waiting: list[tuple[Node, Known]]


class Walk:
    """One evaluation: a plan, a way to read, and the questions asked together.

    tally: what it costs is added to it. frontier: the nodes of the next round; askers add to it. levels_left: how deep
    what is built now may lead. revives: set when a node that was given up is wanted again.
    """

    def __init__(self, plan: Plan, read: Read, overlay: Overlay, depth: int, tally: Tally | None = None) -> None:
        self.plan = plan
        self.overlay = overlay
        self.levels_left = depth
        self.revives = False
        self._read = read
        self._depth = depth
        self._level = 0
        self.frontier: list[Node] = []
        self._given_up: list[Node] = []
        self._visited = 0
        self._tally = tally or Tally()
        self._entities_described = 0

    @property
    def is_last_level(self) -> bool:
        """True if what is built now may not lead any deeper."""
        return self.levels_left <= 0

    async def run(self, roots: Sequence[Gate]) -> None:
        """Decide every root. Raises what the reader raises, and LimitExceeded for a walk over too many nodes."""
        next_turn = NODES_PER_TURN
        for root in roots:
            root.wanted += 1
        while self.frontier and (roots := [root for root in roots if root.outcome is None]):
            frontier, self.frontier = self.frontier, []
            self._visited += len(frontier)
            self._tally.rounds += 1
            if self._visited > MOST_NODES:
                raise LimitExceeded(f"the check visits more than {MOST_NODES} relations and permissions")
            with child_span("engine.round") as span:
                await self._round(frontier, roots)
                if span:
                    self._describe(span, len(frontier))
            if self._visited >= next_turn:
                next_turn = self._visited + NODES_PER_TURN
                await asyncio.sleep(0)
            if self.revives:
                self._take_up_again()
            self._level += 1
            self.levels_left -= 1
        settle_cycles(roots)

    async def _round(self, frontier: Sequence[Node], roots: Sequence[Gate]) -> None:
        if len(frontier) <= NODES_PER_BATCH:
            await self._build(frontier)
        else:
            await self._build_in_batches(frontier, roots)

    def _describe(self, span: Span, nodes: int) -> None:
        span.note("ringward.round", self._level)
        span.note("ringward.nodes", nodes)
        span.note("ringward.entities", self._tally.entities_read - self._entities_described)
        self._entities_described = self._tally.entities_read

    async def _build_in_batches(self, nodes: Sequence[Node], roots: Sequence[Gate]) -> None:
        start, size = 0, NODES_PER_BATCH
        while start < len(nodes):
            await self._build(nodes[start : start + size])
            if all(root.outcome is not None for root in roots):
                return
            await asyncio.sleep(0)
            start += size
            size = min(2 * size, MOST_NODES_PER_READ)

    async def _build(self, nodes: Sequence[Node]) -> None:
        """Build what the facts suffice for, read the rest in one batch, build that."""
        batch = _Batch([], [], [])
        for turn, part in enumerate(_in_turns(nodes)):
            if turn:
                await asyncio.sleep(0)
            self._build_known(part, batch)
        if not batch.reads:
            return
        self._tally.reads += 1
        self._tally.entities_read += len(batch.reads)
        for known, facts in zip(batch.readers, await self._read(batch.reads), strict=True):
            known.learn(facts)
        for turn, answered in enumerate(_in_turns(batch.waiting)):
            if turn:
                await asyncio.sleep(0)
            for node, known in answered:
                if self._needs_building(node):
                    node.build(known.facts)

    def _build_known(self, nodes: Sequence[Node], batch: _Batch) -> None:
        """Build what the facts suffice for; add the rest to a batch."""
        for node in nodes:
            if not self._needs_building(node):
                continue
            known = node.asker.known(node)
            if node.name not in known.covered:
                _ask_for(node, known, batch)
            if known.is_being_read:
                batch.waiting.append((node, known))
            else:
                node.build(known.facts)

    def _needs_building(self, node: Node) -> bool:
        """True if the node is open and somebody waits for it; what no facts are needed for is settled."""
        if node.outcome is not None:
            return False
        if not node.wanted:
            self._given_up.append(node)
            return False
        if self._level > self._depth:
            node.fail(DepthExhausted(f"depth {self._depth} is not enough: {node} lies {self._level} levels down"))
            return False
        if node.name == node.asker.subject.relation and node.is_subject:
            node.settle(ALLOWED)
            return False
        return True

    def _take_up_again(self) -> None:
        self.revives = False
        self.frontier += [node for node in self._given_up if node.wanted]
        self._given_up = [node for node in self._given_up if not node.wanted]


def _in_turns(items: Sequence[T]) -> Sequence[Sequence[T]]:
    if len(items) <= NODES_PER_BATCH:
        return (items,)
    return [items[start : start + NODES_PER_BATCH] for start in range(0, len(items), NODES_PER_BATCH)]


def _ask_for(node: Node, known: Known, batch: _Batch) -> None:
    """Add what a node wants to a batch; of an entity that is being read for another member, everything is read."""
    plan = node.plan
    if known.is_being_read:
        whole = node.asker.whole(node.entity_type)
        known.cover(whole.covers)
        batch.reads[known.place] = batch.reads[known.place]._replace(wanted=whole.wanted)
    else:
        known.place = len(batch.reads)
        batch.reads.append(EntityRead(node.entity_type, node.entity_id, node.asker.subject, plan.wanted))
        batch.readers.append(known)
    known.cover(plan.covers)
