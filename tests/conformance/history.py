"""The simplest store there could be: a whole copy of the data for every snapshot. Stores are compared with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.attributes import Attribute, AttributeValue, EntityAttribute
from model.snapshot import Snapshot
from model.tuples import EntityRelation, RelationTuple, SubjectRef
from storage.base import AttributeFilter, Change, Changeset, EntityRead, Facts, Operation, TupleFilter


@dataclass(slots=True)
class State:
    """The data of one tenant; both dicts are in order of writing."""

    tuples: dict[RelationTuple, None] = field(default_factory=dict)
    attributes: dict[EntityAttribute, AttributeValue] = field(default_factory=dict)

    def copy(self) -> State:
        return State(dict(self.tuples), dict(self.attributes))

    def apply(self, changes: Changeset) -> None:
        for item in changes.tuples_written:
            self.tuples.setdefault(item)
        for attribute in changes.attributes_written:
            self.attributes.pop(attribute.key, None)
            self.attributes[attribute.key] = attribute.value
        for item in changes.tuples_deleted:
            self.tuples.pop(item, None)
        for key in changes.attributes_deleted:
            self.attributes.pop(key, None)

    def replay(self, change: Change) -> None:
        """Apply a change of the feed; it must fit the state exactly."""
        operation, item = change
        if isinstance(item, RelationTuple):
            assert (item in self.tuples) is (operation is Operation.DELETE)
            self.tuples.pop(item, None)
            if operation is Operation.CREATE:
                self.tuples[item] = None
        elif operation is Operation.CREATE:
            assert item.key not in self.attributes
            self.attributes[item.key] = item.value
        else:
            assert self.attributes.pop(item.key) == item.value

    def delete(self, tuples: TupleFilter | None, attributes: AttributeFilter | None) -> None:
        for item in self.matching_tuples(tuples) if tuples is not None else ():
            del self.tuples[item]
        for attribute in self.matching_attributes(attributes) if attributes is not None else ():
            del self.attributes[attribute.key]

    def facts(self, read: EntityRead) -> Facts:
        def subjects_of(relation: str) -> list[SubjectRef]:
            left = EntityRelation(read.entity_type, read.entity_id, relation)
            found = [item.subject for item in self.tuples if item.entity_relation == left]
            return sorted(found, key=lambda subject: [part.encode() for part in (subject[2], subject[0], subject[1])])

        wanted = read.wanted
        subjects = {name: subjects_of(name) for name in wanted.subjects}
        usersets = {name: [s for s in subjects_of(name) if s.relation] for name in wanted.usersets}
        keys = [EntityAttribute(read.entity_type, read.entity_id, name) for name in wanted.attributes]
        return Facts(
            memberships={name for name in wanted.memberships if read.subject in subjects_of(name)},
            usersets={name: found for name, found in usersets.items() if found},
            subjects={name: found for name, found in subjects.items() if found},
            attributes={key.name: self.attributes[key] for key in keys if key in self.attributes},
        )

    def matching_tuples(self, where: TupleFilter) -> list[RelationTuple]:
        return [
            item
            for item in self.tuples
            if where.entity_type in ("", item.entity_type)
            and (not where.entity_ids or item.entity_id in where.entity_ids)
            and where.relation in ("", item.relation)
            and where.subject_type in ("", item.subject_type)
            and (not where.subject_ids or item.subject_id in where.subject_ids)
            and where.subject_relation in ("", item.subject_relation)
        ]

    def matching_attributes(self, where: AttributeFilter) -> list[Attribute]:
        return [
            Attribute(*key, value)
            for key, value in self.attributes.items()
            if where.entity_type in ("", key.entity_type)
            and (not where.entity_ids or key.entity_id in where.entity_ids)
            and (not where.names or key.name in where.names)
        ]


class History:
    """The states of all tenants at every snapshot a store has given."""

    def __init__(self) -> None:
        self._now: dict[str, State] = {}
        self._seen: dict[tuple[str, Snapshot], State] = {}

    def now(self, tenant: str) -> State:
        """The state at head, to be changed along with the store."""
        return self._now.setdefault(tenant, State())

    def record(self, snapshot: Snapshot) -> None:
        """Remember the states of all tenants as what this snapshot shows."""
        for tenant, state in self._now.items():
            self._seen[tenant, snapshot] = state.copy()

    def at(self, tenant: str, snapshot: Snapshot) -> State:
        """What the snapshot shows of a tenant; nothing if the tenant came later."""
        return self._seen.get((tenant, snapshot), State())

    def forget(self, tenant: str) -> None:
        """The tenant was deleted: no snapshot shows anything of it."""
        self._now.pop(tenant, None)
        self._seen = {key: state for key, state in self._seen.items() if key[0] != tenant}
