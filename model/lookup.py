"""What the lookups ask: which entities may a subject act on, which subjects may act on an entity."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from model.check import NO_CONTEXT, Context
from model.tuples import EntityRef, SubjectRef


@dataclass(frozen=True, slots=True)
class EntitiesRequest:
    """Which entities of a type may this subject do this to?

    depth bounds the checks of single entities as in CheckRequest. scope: for the types it names, the only ids that are
    looked at, whether asked for or on the way. beyond: only ids greater than this one. Empty token and version mean
    head and latest.
    """

    tenant: str
    entity_type: str
    permission: str
    subject: SubjectRef
    depth: int
    scope: Mapping[str, Set[str]] = field(default_factory=dict)
    beyond: str = ""
    snap_token: str = ""
    schema_version: str = ""
    context: Context = NO_CONTEXT


@dataclass(frozen=True, slots=True)
class SubjectsRequest:
    """Which subjects of a type, or with a relation which usersets, may do this to that entity?

    beyond: only ids greater than this one. Empty token and version mean head and latest.
    """

    tenant: str
    entity: EntityRef
    permission: str
    subject_type: str
    subject_relation: str = ""
    beyond: str = ""
    snap_token: str = ""
    schema_version: str = ""
    context: Context = NO_CONTEXT
