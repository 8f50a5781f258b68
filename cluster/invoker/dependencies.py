"""What an answer depends on, and what a change touches, as 64-bit keys that meet exactly when they should.

A read of an entity asks three sorts of things, and a change bears on them differently. Whether *this* subject holds a
relation depends on that subject alone: a group may gain a thousand members without touching what is known about
another. Which usersets hold relations, and all subjects of a relation that arrows go through, depend on the entity. So
do values of attributes. Lists of ids, which many questions asked together go by, depend on subjects or on whole types.

Every item of a change gives one key for each of these sorts; an answer gives one for each thing looked at, found or
not. Two different things may share a key, one in 2^64: an answer is then given up too early, never too late. Keys are
the same on every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xxhash import xxh3_64_intdigest

from model.attributes import EntityAttribute
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import (
    EntityRead,
    Facts,
    HeldBy,
    Holders,
    KnownEntities,
    KnownSubjects,
    Listing,
    SnapshotReader,
    Stretch,
    WithAttribute,
)

MOST_KEYS = 256
"""How many things an answer may depend on one by one. With more it depends on relations and attributes of whole types.

More keep wide answers through more writes, and cost 8 bytes and some 30 ns each whenever an answer is looked up after a
write.
"""


def keys_touched_by(items: Iterable[RelationTuple | EntityAttribute]) -> set[int]:
    """The keys of everything that is another for these having come, gone or changed."""
    keys: set[int] = set()
    for item in items:
        keys.update(_of_attribute(item) if isinstance(item, EntityAttribute) else _of_tuple(item))
    return keys


class DependencyRecorder:
    """A SnapshotReader that notes what is asked of another one. It serves one evaluation."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader = reader
        self._reads: list[EntityRead] = []
        self._listings: list[Listing] = []
        self.read_tuples = reader.read_tuples
        self.read_attributes = reader.read_attributes

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        """See SnapshotReader."""
        self._reads += reads
        return await self._reader.read(tenant, snapshot, reads)

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> Sequence[Stretch]:
        """See SnapshotReader."""
        self._listings += listings
        return await self._reader.list_ids(tenant, snapshot, listings, beyond=beyond, about=about)

    def keys(self) -> frozenset[int]:
        """Keys of all that was asked so far, at most about ``MOST_KEYS`` unless a schema is that wide."""
        keys = {key for read in self._reads for key in _of_read(read)}
        keys.update(key for listing in self._listings for key in _of_listing(listing))
        if len(keys) > MOST_KEYS:
            keys = {key for read in self._reads for key in _of_whole_types(read)}
            keys.update(_of_whole_type(listing) for listing in self._listings)
        return frozenset(keys)


def _key(*parts: str) -> int:
    return xxh3_64_intdigest("\0".join(parts).encode(errors="surrogatepass"))  # NUL occurs in no name and no id


# Each sort of key begins with a letter of its own:
#   m  is this subject among those of any relation of the entity?     h  which entities of a type hold this subject?
#   u  which usersets do relations of the entity hold?                e  which entities of a type are there?
#   s  which subjects does this relation of the entity hold?          k  which subjects of a sort are there?
#   a  what is the value of this attribute of the entity?             t, b  anything of a type's relation or attribute


def _of_tuple(row: RelationTuple) -> Iterator[int]:
    entity_type, entity_id, relation, *subject = row
    yield _key("m", entity_type, entity_id, *subject)
    if row.subject_relation:
        yield _key("u", entity_type, entity_id)
    yield _key("s", entity_type, entity_id, relation)
    yield _key("h", entity_type, relation, *subject)
    yield _key("t", entity_type, relation)
    yield _key("e", entity_type)
    yield _key("e", row.subject_type)
    yield _key("k", row.subject_type, row.subject_relation)


def _of_attribute(attribute: EntityAttribute) -> Iterator[int]:
    entity_type, entity_id, name = attribute
    yield _key("a", entity_type, entity_id, name)
    yield _key("b", entity_type, name)
    yield _key("e", entity_type)


def _of_read(read: EntityRead) -> Iterator[int]:
    entity_type, entity_id, subject, wanted = read
    if wanted.memberships:
        yield _key("m", entity_type, entity_id, *subject)
    if wanted.usersets:
        yield _key("u", entity_type, entity_id)
    for relation in wanted.subjects:
        yield _key("s", entity_type, entity_id, relation)
    for name in wanted.attributes:
        yield _key("a", entity_type, entity_id, name)


def _of_whole_types(read: EntityRead) -> Iterator[int]:
    wanted = read.wanted
    for relation in {*wanted.memberships, *wanted.usersets, *wanted.subjects}:
        yield _key("t", read.entity_type, relation)
    for name in wanted.attributes:
        yield _key("b", read.entity_type, name)


def _of_listing(listing: Listing) -> Iterator[int]:
    match listing:
        case HeldBy(entity_type, relation, subject_type, subject_relation, subject_ids):
            for subject_id in subject_ids:
                yield _key("h", entity_type, relation, subject_type, subject_id, subject_relation)
        case Holders(entity_type, entity_id, relation):
            yield _key("s", entity_type, entity_id, relation)
        case _:
            yield _of_whole_type(listing)


def _of_whole_type(listing: Listing) -> int:
    match listing:
        case HeldBy(entity_type, relation) | Holders(entity_type, _, relation):
            return _key("t", entity_type, relation)
        case WithAttribute(entity_type, name):
            return _key("b", entity_type, name)
        case KnownEntities(entity_type):
            return _key("e", entity_type)
        case KnownSubjects(subject_type, subject_relation):
            return _key("k", subject_type, subject_relation)
