"""What a listing means, said plainly over lists of tuples and attributes: the model stores are compared with."""

from __future__ import annotations

from collections.abc import Iterable

from model.attributes import Attribute
from model.tuples import RelationTuple
from storage.base import HeldBy, Holders, KnownEntities, KnownSubjects, Listing, WithAttribute


def listed(listing: Listing, tuples: Iterable[RelationTuple], attributes: Iterable[Attribute]) -> list[str]:
    """All ids of a listing, in byte order."""
    rows, values = list(tuples), list(attributes)
    match listing:
        case HeldBy(entity_type, relation, subject_type, subject_relation, subject_ids):
            found = {
                row.entity_id
                for row in rows
                if (row.entity_type, row.relation) == (entity_type, relation)
                and (row.subject_type, row.subject_relation) == (subject_type, subject_relation)
                and row.subject_id in subject_ids
            }
        case WithAttribute(entity_type, name, is_true):
            found = {
                value.entity_id
                for value in values
                if (value.entity_type, value.name) == (entity_type, name) and (not is_true or value.value.value is True)
            }
        case KnownEntities(entity_type):
            found = {row.entity_id for row in rows if row.entity_type == entity_type}
            found |= {row.subject_id for row in rows if row.subject_type == entity_type}
            found |= {value.entity_id for value in values if value.entity_type == entity_type}
        case Holders(entity_type, entity_id, relation, subject_type, subject_relation):
            found = {
                row.subject_id
                for row in rows
                if row.entity_relation == (entity_type, entity_id, relation)
                and (row.subject_type, row.subject_relation) == (subject_type, subject_relation)
            }
        case KnownSubjects(subject_type, subject_relation):
            found = {
                row.subject_id
                for row in rows
                if (row.subject_type, row.subject_relation) == (subject_type, subject_relation)
            }
    return sorted(found, key=str.encode)
