"""The validation file: a schema, data written under it, and scenarios that say who may do what.

    schema, relationships[], attributes[], scenarios[]
      scenarios: name, description, checks[], entity_filters[], subject_filters[]
        checks: entity, subject, assertions{permission: bool}
        entity_filters: entity_type, subject, assertions{permission: [ids]}
        subject_filters: entity, subject_reference, assertions{permission: [ids]}
        all of them also: depth, context{tuples[], attributes[], data{}}

Source: reference wire-api §14.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from model.attributes import Attribute
from model.check import Context
from model.errors import InvalidRequest
from model.tuples import EntityRef, RelationTuple, SubjectRef


class SubjectReference(NamedTuple):
    """The kind of subjects asked for: a type, with a relation its usersets."""

    type: str
    relation: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``type`` or ``type#relation``. Raises InvalidRequest, quoting the text, for any other shape."""
        kind, hash_sign, relation = text.partition("#")
        if not kind or (hash_sign and not relation):
            raise InvalidRequest(f"expected type or type#relation, got {text!r}")
        return cls(kind, relation)

    def __str__(self) -> str:
        """The text form ``type`` or ``type#relation``."""
        return f"{self.type}#{self.relation}" if self.relation else self.type


Lines = Mapping[str, int]
"""Where in the file each assertion stands, by its permission."""


@dataclass(frozen=True, slots=True)
class CheckCase:
    """May the subject do this to the entity? Expected verdicts by permission."""

    entity: EntityRef
    subject: SubjectRef
    assertions: Mapping[str, bool]
    depth: int
    context: Context
    lines: Lines = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class EntityFilterCase:
    """To which entities of a type may the subject do this? Expected ids by permission."""

    entity_type: str
    subject: SubjectRef
    assertions: Mapping[str, frozenset[str]]
    depth: int
    context: Context
    lines: Lines = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class SubjectFilterCase:
    """Which subjects of a kind may do this to the entity? Expected ids by permission."""

    entity: EntityRef
    subject_reference: SubjectReference
    assertions: Mapping[str, frozenset[str]]
    depth: int
    context: Context
    lines: Lines = field(default_factory=dict, compare=False)


Case = CheckCase | EntityFilterCase | SubjectFilterCase


@dataclass(frozen=True, slots=True)
class Scenario:
    """Cases told as one story, in the order of the file."""

    name: str
    description: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class ValidationFile:
    """A whole file; the schema is its text, wherever that was kept."""

    schema: str
    relationships: tuple[RelationTuple, ...]
    attributes: tuple[Attribute, ...]
    scenarios: tuple[Scenario, ...]
