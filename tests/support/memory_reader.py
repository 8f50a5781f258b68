"""A SnapshotReader over plain lists, for tests of the engine: one snapshot, no paging; it keeps what it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model.attributes import Attribute, EntityAttribute
from model.snapshot import Snapshot
from model.tuples import EntityRelation, RelationTuple, SubjectRef
from storage.base import (
    AttributeFilter,
    EntityRead,
    Facts,
    Listing,
    Page,
    PageRequest,
    Stretch,
    TupleFilter,
    Wanted,
)
from tests.support.listings import listed


class MemoryReader:
    """Answers batches as the port promises; ``batches`` and ``listings`` keep every batch it was asked.

    longest_stretch bounds what one stretch of a list gives, however much was asked for.
    """

    longest_stretch = 1_000_000

    def __init__(self, tuples: Iterable[RelationTuple] = (), attributes: Iterable[Attribute] = ()) -> None:
        self.batches: list[Sequence[EntityRead]] = []
        self.listings: list[Sequence[Listing]] = []
        self._tuples, self._attributes = tuple(tuples), tuple(attributes)
        self._stored: dict[EntityRelation, set[SubjectRef]] = {}
        for row in self._tuples:
            self._stored.setdefault(row.entity_relation, set()).add(row.subject)
        self._values = {attribute.key: attribute.value for attribute in self._attributes}

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:  # noqa: ARG002
        self.batches.append(reads)
        return [self._facts(read) for read in reads]

    async def list_ids(
        self,
        tenant: str,  # noqa: ARG002
        snapshot: Snapshot,  # noqa: ARG002
        listings: Sequence[Listing],
        *,
        beyond: str,
        about: int,
    ) -> Sequence[Stretch]:
        self.listings.append(listings)
        stretches = []
        for listing in listings:
            ids = [one for one in listed(listing, self._tuples, self._attributes) if one > beyond]
            most = min(about, self.longest_stretch)
            stretches.append(Stretch(ids[:most], ids[most - 1] if len(ids) > most else None))
        return stretches

    async def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Page[RelationTuple]:
        raise NotImplementedError

    async def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Page[Attribute]:
        raise NotImplementedError

    def _facts(self, read: EntityRead) -> Facts:
        entity_type, entity_id, subject, wanted = read
        stored = {name: self._subjects(EntityRelation(entity_type, entity_id, name)) for name in _relations(wanted)}
        usersets = {name: [found for found in stored[name] if found.relation] for name in wanted.usersets}
        values = {name: self._values.get(EntityAttribute(entity_type, entity_id, name)) for name in wanted.attributes}
        return Facts(
            memberships={name for name in wanted.memberships if subject in stored[name]},
            usersets={name: found for name, found in usersets.items() if found},
            subjects={name: stored[name] for name in wanted.subjects if stored[name]},
            attributes={name: value for name, value in values.items() if value is not None},
        )

    def _subjects(self, key: EntityRelation) -> list[SubjectRef]:
        return sorted(self._stored.get(key, ()), key=lambda subject: (subject.relation, subject.type, subject.id))


def _relations(wanted: Wanted) -> Iterable[str]:
    return (*wanted.memberships, *wanted.usersets, *wanted.subjects)
