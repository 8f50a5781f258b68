"""A SnapshotReader over plain lists, for tests of the engine: one snapshot, no paging, and it counts what it is asked."""

from __future__ import annotations

from collections.abc import Iterable

from model.attributes import Attribute, EntityAttribute
from model.snapshot import Snapshot
from model.tuples import EntityRelation, RelationTuple, SubjectRef
from storage.base import AttributeFilter, Page, PageRequest, ReadAnswers, ReadBatch, TupleFilter


class MemoryReader:
    """Answers batches as the port promises; ``batches`` keeps every batch that asked for something."""

    def __init__(self, tuples: Iterable[RelationTuple] = (), attributes: Iterable[Attribute] = ()) -> None:
        self.batches: list[ReadBatch] = []
        self._tuples = set(tuples)
        self._values = {attribute.key: attribute.value for attribute in attributes}

    async def read(self, tenant: str, snapshot: Snapshot, batch: ReadBatch) -> ReadAnswers:  # noqa: ARG002
        if batch != ReadBatch():
            self.batches.append(batch)
        return ReadAnswers(
            memberships=[row in self._tuples for row in batch.memberships],
            usersets=[[s for s in self._subjects(key) if s.relation] for key in batch.usersets],
            subjects=[self._subjects(key) for key in batch.subjects],
            attributes=[self._values.get(EntityAttribute(*key)) for key in batch.attributes],
        )

    async def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Page[RelationTuple]:
        raise NotImplementedError

    async def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Page[Attribute]:
        raise NotImplementedError

    def _subjects(self, key: EntityRelation) -> list[SubjectRef]:
        subjects = [row.subject for row in self._tuples if row.entity_relation == key]
        return sorted(subjects, key=lambda subject: (subject.relation, subject.type, subject.id))
