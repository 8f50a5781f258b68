"""Values the tests of the suite write, and strategies that make them from few names, so that they meet often."""

from __future__ import annotations

from hypothesis import strategies as st

from model.attributes import Attribute, AttributeKind, AttributeValue, EntityAttribute
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from storage.base import (
    AttributeFilter,
    Changeset,
    EntityRead,
    HeldBy,
    Holders,
    KnownEntities,
    KnownSubjects,
    PageRequest,
    Storage,
    TupleFilter,
    Wanted,
    WithAttribute,
)

ALL = PageRequest(1_000_000)
EVERY_TUPLE = TupleFilter()
EVERY_ATTRIBUTE = AttributeFilter()


def tuples(*texts: str) -> list[RelationTuple]:
    return [RelationTuple.parse(text) for text in texts]


def attributes(*texts: str) -> list[Attribute]:
    return [Attribute.parse(text) for text in texts]


async def tuples_at(
    store: Storage, snapshot: Snapshot, where: TupleFilter = EVERY_TUPLE, tenant: str = "t1"
) -> list[str]:
    """Matching tuples in the store's order, as text."""
    return [str(item) for item in (await store.read_tuples(tenant, snapshot, where, ALL)).items]


async def attributes_at(
    store: Storage, snapshot: Snapshot, where: AttributeFilter = EVERY_ATTRIBUTE, tenant: str = "t1"
) -> list[str]:
    """Matching attributes in the store's order, as text."""
    return [str(item) for item in (await store.read_attributes(tenant, snapshot, where, ALL)).items]


async def head_of(store: Storage, tenant: str = "t1") -> Snapshot:
    return (await store.head(tenant)).snapshot


tenants = st.sampled_from(["t1", "other"])
_types = st.sampled_from(["doc", "group"])
_ids = st.sampled_from(["1", "2", "Ü"])
_relations = st.sampled_from(["viewer", "member"])
_subject_relations = st.sampled_from(["", "member", "viewer"])
_names = st.sampled_from(["size", "label"])

relation_tuples = st.builds(RelationTuple, _types, _ids, _relations, _types, _ids, _subject_relations)
entity_attributes = st.builds(EntityAttribute, _types, _ids, _names)
attribute_values = st.one_of(
    st.builds(AttributeValue, st.just(AttributeKind.INTEGER), st.integers(0, 9)),
    st.builds(AttributeValue, st.just(AttributeKind.STRING), st.text("ab", max_size=2)),
    st.builds(AttributeValue, st.just(AttributeKind.BOOLEAN), st.booleans()),
)
written_attributes = st.builds(Attribute, _types, _ids, _names, attribute_values)

changesets = st.builds(
    Changeset,
    tuples_written=st.lists(relation_tuples, max_size=6),
    attributes_written=st.lists(written_attributes, max_size=3),
    tuples_deleted=st.lists(relation_tuples, max_size=3),
    attributes_deleted=st.lists(entity_attributes, max_size=2),
)


def _names_of(names: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(names).map(lambda chosen: tuple(sorted(chosen)))


reads = st.builds(
    EntityRead,
    entity_type=_types,
    entity_id=_ids,
    subject=st.builds(SubjectRef, _types, _ids, _subject_relations),
    wanted=st.builds(
        Wanted,
        memberships=_names_of(_relations),
        usersets=_names_of(_relations),
        subjects=_names_of(_relations),
        attributes=_names_of(_names),
    ),
)
listings = st.one_of(
    st.builds(HeldBy, _types, _relations, _types, _subject_relations, st.lists(_ids, unique=True)),
    st.builds(WithAttribute, _types, _names, st.booleans()),
    st.builds(KnownEntities, _types),
    st.builds(Holders, _types, _ids, _relations, _types, _subject_relations),
    st.builds(KnownSubjects, _types, _subject_relations),
)
_no_text = st.just("")
_id_lists = st.lists(st.one_of(_ids, st.just("nobody")), max_size=3)
tuple_filters = st.builds(
    TupleFilter,
    entity_type=_types | _no_text,
    entity_ids=_id_lists,
    relation=_relations | _no_text,
    subject_type=_types | _no_text,
    subject_ids=_id_lists,
    subject_relation=_subject_relations,
)
attribute_filters = st.builds(
    AttributeFilter, entity_type=_types | _no_text, entity_ids=_id_lists, names=st.lists(_names, max_size=2)
)
