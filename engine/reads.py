"""The reads of one walk: collected over a round, each key asked once, fetched in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from engine.gates import Gate
from model.attributes import AttributeValue, EntityAttribute
from model.snapshot import Snapshot
from model.tuples import EntityRelation, RelationTuple, SubjectRef
from storage.base import ReadBatch, SnapshotReader

if TYPE_CHECKING:
    from engine.nodes import ArrowNode, AttributeNode, RelationNode, RuleNode

K = TypeVar("K")
V = TypeVar("V")
G = TypeVar("G", bound=Gate)


class Waiting(Generic[G, K, V]):
    """Gates waiting for the value of a key. The snapshot is pinned, so what is known once stays true for the walk."""

    __slots__ = ("_gates", "_known")

    def __init__(self) -> None:
        self._known: dict[K, V] = {}
        self._gates: dict[K, list[G]] = {}

    def ask(self, key: K, gate: G) -> None:
        """Let a gate wait for a key; it is held until it has taken the answer."""
        gate.hold()
        self._gates.setdefault(key, []).append(gate)

    def unknown(self) -> list[K]:
        """The keys to fetch now, each once, in the order they were asked."""
        return [key for key in self._gates if key not in self._known]

    def answer(self, keys: Sequence[K], values: Sequence[V]) -> Iterator[tuple[G, K, V]]:
        """Note what was fetched; then each waiting gate with its key and value. Nobody waits afterwards."""
        self._known.update(zip(keys, values, strict=True))
        waiting, self._gates = self._gates, {}
        return ((gate, key, self._known[key]) for key, gates in waiting.items() for gate in gates)


class Reads:
    """What the open nodes of a walk wait for, by sort of read. See ReadBatch for the sorts."""

    __slots__ = ("_reader", "_snapshot", "_tenant", "attributes", "memberships", "subjects", "usersets")

    def __init__(self, reader: SnapshotReader, tenant: str, snapshot: Snapshot) -> None:
        self._reader = reader
        self._tenant = tenant
        self._snapshot = snapshot
        self.memberships: Waiting[RelationNode, RelationTuple, bool] = Waiting()
        self.usersets: Waiting[RelationNode, EntityRelation, Sequence[SubjectRef]] = Waiting()
        self.subjects: Waiting[ArrowNode, EntityRelation, Sequence[SubjectRef]] = Waiting()
        self.attributes: Waiting[AttributeNode | RuleNode, EntityAttribute, AttributeValue | None] = Waiting()

    async def fetch(self) -> None:
        """Read everything asked for since the last fetch, then hand out the answers, the conclusive ones first."""
        batch = ReadBatch(
            memberships=self.memberships.unknown(),
            usersets=self.usersets.unknown(),
            subjects=self.subjects.unknown(),
            attributes=self.attributes.unknown(),
        )
        answers = await self._reader.read(self._tenant, self._snapshot, batch)
        for relation, _, found in self.memberships.answer(batch.memberships, answers.memberships):
            relation.take_membership(found)
        for owner, attribute, value in self.attributes.answer(batch.attributes, answers.attributes):
            owner.take_attribute(attribute, value)
        for relation, _, usersets in self.usersets.answer(batch.usersets, answers.usersets):
            if relation.outcome is None:
                relation.take_usersets(usersets)
        for arrow, _, subjects in self.subjects.answer(batch.subjects, answers.subjects):
            if arrow.outcome is None:
                arrow.take_subjects(subjects)
