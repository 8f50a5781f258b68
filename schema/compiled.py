"""The compiled form of a schema: names resolved, permissions as rewrite trees, rules ready to evaluate.

Values only; ``compiler.py`` makes them, the engine walks them and ``api/`` renders them for clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from model.attributes import AttributeKind
from schema.rules import Rule


class Operator(Enum):
    """How a rewrite combines its two operands; EXCLUSION takes the second from the first."""

    UNION = "or"
    INTERSECTION = "and"
    EXCLUSION = "not"


@dataclass(frozen=True, slots=True)
class Operation:
    """``left operator right``; chains nest to the left."""

    operator: Operator
    left: Rewrite
    right: Rewrite


@dataclass(frozen=True, slots=True)
class ComputedUserset:
    """A relation or permission of the same entity."""

    name: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """``relation.name``: the name, asked of every entity the relation points at (tuple-to-userset)."""

    relation: str
    name: str


@dataclass(frozen=True, slots=True)
class ComputedAttribute:
    """A boolean attribute of the same entity."""

    name: str


@dataclass(frozen=True, slots=True)
class RuleCall:
    """A rule over attributes of the same entity; arguments bind to the parameters of equal name, in any order."""

    rule: str
    arguments: tuple[str, ...]


Rewrite = Operation | ComputedUserset | Arrow | ComputedAttribute | RuleCall


class Target(NamedTuple):
    """What a relation may point at: a type, or with a relation the usersets of that relation."""

    type: str
    relation: str = ""


@dataclass(frozen=True, slots=True)
class EntityDefinition:
    """One entity type; each map is in order of declaration. The three maps share no name."""

    name: str
    relations: Mapping[str, tuple[Target, ...]]
    attributes: Mapping[str, AttributeKind]
    permissions: Mapping[str, Rewrite]


class Reach(NamedTuple):
    """Which subjects can possibly be ALLOWED by a relation or permission under this schema.

    targets: subjects by (type, relation), stored tuples being held to the declared targets. anyone: an attribute or
    rule may allow any subject whatever. Never too small; may be too large.
    """

    targets: frozenset[Target]
    anyone: bool


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A whole schema version. ``reach`` has an entry for each relation and permission of each entity type.

    text is the canonical print, which parses back to an equal schema.
    """

    entities: Mapping[str, EntityDefinition]
    rules: Mapping[str, Rule]
    reach: Mapping[tuple[str, str], Reach]
    text: str
