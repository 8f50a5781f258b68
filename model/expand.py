"""What Expand answers: how a permission comes about, as a tree down to who and what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from model.attributes import AttributeValue
from model.check import NO_CONTEXT, Context
from model.tuples import EntityRef, SubjectRef


@dataclass(frozen=True, slots=True)
class ExpandRequest:
    """How does this permission of that entity come about? Empty token and version mean head and latest."""

    tenant: str
    entity: EntityRef
    permission: str
    snap_token: str = ""
    schema_version: str = ""
    context: Context = NO_CONTEXT


class Combination(Enum):
    """How the children of a branch are combined."""

    UNION = "union"
    INTERSECTION = "intersection"
    EXCLUSION = "exclusion"


@dataclass(frozen=True, slots=True)
class Branch:
    """Children combined, in schema order; an exclusion takes the second from the first."""

    combination: Combination
    children: Sequence[Expansion]


@dataclass(frozen=True, slots=True)
class Subjects:
    """Who is stored under a relation, then who the context adds."""

    subjects: Sequence[SubjectRef]


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an attribute."""

    value: AttributeValue


@dataclass(frozen=True, slots=True)
class Values:
    """The values a rule would be evaluated over, by argument name; the rule itself is not evaluated."""

    values: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Expansion:
    """One node of the tree: what ``permission`` of the entity consists of. arguments: of a rule call, else empty."""

    entity: EntityRef
    permission: str
    node: Branch | Subjects | Value | Values
    arguments: Sequence[str] = ()
