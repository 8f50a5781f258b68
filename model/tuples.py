"""Entities, subjects and relation tuples: parse, print, compare.

These are NamedTuples, not dataclasses: they are the keys of every read and of the walk's visited set, and a flat
relation tuple is, as it stands, the parameter row of the stores' statements.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import ErrorCode, InvalidRequest

ELLIPSIS_RELATION = "..."


class EntityRef(NamedTuple):
    """One entity, written ``type:id``; both parts non-empty, compared exactly. Source: Zanzibar §2.1."""

    type: str
    id: str

    @classmethod
    def parse(cls, text: str) -> EntityRef:
        """Read ``type:id``. Raises InvalidRequest, quoting the text, for any other shape."""
        kind, colon, name = text.partition(":")
        if not (kind and colon and name) or ":" in name:
            raise InvalidRequest(f"expected type:id, got {text!r}", ErrorCode.VALIDATION)
        return cls(kind, name)

    def __str__(self) -> str:
        """The text form ``type:id``."""
        return f"{self.type}:{self.id}"


class SubjectRef(NamedTuple):
    """Who a tuple names: an entity, or with a relation the userset of all who hold it, ``group:1#member``."""

    type: str
    id: str
    relation: str = ""

    @classmethod
    def parse(cls, text: str) -> SubjectRef:
        """Read ``type:id`` or ``type:id#relation``; the legacy relation ``...`` means none. Raises InvalidRequest."""
        owner, hash_sign, relation = text.partition("#")
        if (hash_sign and not relation) or "#" in relation:
            raise InvalidRequest(f"expected type:id#relation, got {text!r}", ErrorCode.VALIDATION)
        entity = EntityRef.parse(owner)
        return cls(entity.type, entity.id, "" if relation == ELLIPSIS_RELATION else relation)

    def __str__(self) -> str:
        """The text form ``type:id`` or ``type:id#relation``."""
        return f"{self.type}:{self.id}#{self.relation}" if self.relation else f"{self.type}:{self.id}"


class EntityRelation(NamedTuple):
    """A relation of one entity: the left side of tuples, ``doc:1#viewer``."""

    entity_type: str
    entity_id: str
    relation: str

    def __str__(self) -> str:
        """The text form ``type:id#relation``."""
        return f"{self.entity_type}:{self.entity_id}#{self.relation}"


class RelationTuple(NamedTuple):
    """One stored relationship, written ``doc:1#viewer@user:2`` or ``doc:1#viewer@group:3#member``."""

    entity_type: str
    entity_id: str
    relation: str
    subject_type: str
    subject_id: str
    subject_relation: str = ""

    @classmethod
    def parse(cls, text: str) -> RelationTuple:
        """Read the text form. Raises InvalidRequest, quoting the text, for any other shape."""
        left, at_sign, right = text.partition("@")
        owner, hash_sign, relation = left.partition("#")
        if not (at_sign and hash_sign and relation) or "#" in relation or "@" in right:
            raise InvalidRequest(f"expected type:id#relation@type:id[#relation], got {text!r}", ErrorCode.VALIDATION)
        return cls(*EntityRef.parse(owner), relation, *SubjectRef.parse(right))

    @property
    def entity(self) -> EntityRef:
        """The entity on the left."""
        return EntityRef(self.entity_type, self.entity_id)

    @property
    def subject(self) -> SubjectRef:
        """The subject on the right."""
        return SubjectRef(self.subject_type, self.subject_id, self.subject_relation)

    @property
    def entity_relation(self) -> EntityRelation:
        """The left side as a whole."""
        return EntityRelation(self.entity_type, self.entity_id, self.relation)

    def __str__(self) -> str:
        """The text form."""
        return f"{self.entity}#{self.relation}@{self.subject}"
