"""The rules read backwards: from a subject to the entities it may act on.

For one goal, a member of an entity type, each member that matters becomes an expression over sets of entity ids:
unions, intersections and exclusions of leaves. A leaf is a set that can be listed (the entities whose relation points
at given subjects, those with an attribute), the set of another member, or a rule, whose set nobody can list.

Members that tuples lead on from (the groups a group lies in, the folders within a folder) are *stations*: their sets
are found first and as a whole (``engine/closure.py``). What lies between the last stations and the goal is one
expression over the goal's type, evaluated stretch by stretch in order of id (``engine/lookup_entities.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from engine.overlay import NO_OVERLAY, Overlay
from engine.plan import Plan
from model.tuples import SubjectRef
from schema.compiled import (
    Arrow,
    CompiledSchema,
    ComputedAttribute,
    ComputedUserset,
    Operation,
    Operator,
    Rewrite,
    RuleCall,
    Target,
)

Member = tuple[str, str]
"""An entity type and the name of one of its relations, permissions or attributes."""


class Edge(NamedTuple):
    """Tuples that lead from subjects of one type and relation to the entities whose relation holds them.

    station: the member whose set the subjects are; None for the subject who asks. is_stored: False where the schema
    lets no such tuple be stored, so that only the context can have some.
    """

    entity_type: str
    relation: str
    subject: Target
    station: Member | None
    is_stored: bool


@dataclass(frozen=True, slots=True, eq=False)
class ThroughTuples:
    """The entities that one of the edges leads to."""

    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OfStation:
    """The set of a station of the same type."""

    station: Member


@dataclass(frozen=True, slots=True, eq=False)
class TheSubjectItself:
    """The entity of the userset who asks: ``doc:1#viewer`` is a viewer of doc:1 by definition."""


@dataclass(frozen=True, slots=True, eq=False)
class WhereTrue:
    """The entities whose boolean attribute is true."""

    entity_type: str
    attribute: str


@dataclass(frozen=True, slots=True, eq=False)
class WhereRule:
    """The entities for which a rule holds."""

    entity_type: str
    call: RuleCall


Leaf = ThroughTuples | OfStation | TheSubjectItself | WhereTrue | WhereRule


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf:
    """Union; of nothing it is empty. is_plain: it is made of unions and leaves that can be listed, and of nothing
    else, so that whatever a leaf is sure of the whole is. effort: see ``effort_of``; so for the others.
    """

    parts: tuple[Expression, ...]
    is_plain: bool
    effort: int

    @classmethod
    def of(cls, parts: Iterable[Expression]) -> AnyOf:
        """The union of the parts."""
        found = tuple(parts)
        return cls(found, all(map(plain, found)), max(map(effort_of, found), default=0))


@dataclass(frozen=True, slots=True, eq=False)
class AllOf:
    """Intersection; the part that is the least effort to list comes first."""

    parts: tuple[Expression, ...]
    effort: int

    @classmethod
    def of(cls, parts: Iterable[Expression]) -> AllOf:
        """The intersection of one part or more."""
        found = tuple(sorted(parts, key=effort_of))
        return cls(found, effort_of(found[0]))


@dataclass(frozen=True, slots=True, eq=False)
class Except:
    """What is in the first and not in the second."""

    kept: Expression
    taken: Expression
    effort: int

    @classmethod
    def of(cls, kept: Expression, taken: Expression) -> Except:
        """``kept not taken``."""
        return cls(kept, taken, effort_of(kept))


Expression = AnyOf | AllOf | Except | Leaf


def plain(expression: Expression) -> bool:
    """True if the set is a union of sets that can be listed."""
    return (
        expression.is_plain if isinstance(expression, AnyOf) else not isinstance(expression, AllOf | Except | WhereRule)
    )


def effort_of(expression: Expression) -> int:
    """How much may have to be listed to drive it: 2 for every entity there is, 1 for all with an attribute, else 0."""
    match expression:
        case AnyOf() | AllOf() | Except():
            return expression.effort
        case WhereRule():
            return 2
        case WhereTrue():
            return 1
        case _:
            return 0


@dataclass(frozen=True, slots=True)
class Backwards:
    """The rules for one goal and one subject, read backwards. stations: each with what its set consists of."""

    goal: Expression
    stations: Mapping[Member, Expression]


def read_backwards(plan: Plan, goal: Member, subject: SubjectRef, overlay: Overlay) -> Backwards:
    """The expressions for a goal, which must be a member of its type."""
    asker = Target(subject.type, subject.relation)
    if overlay.subjects:
        return _Reading(plan, asker, overlay).whole(goal)
    return _read_without_context(plan, goal, asker)


@lru_cache(maxsize=256)  # a tenth of what a lookup costs the engine
def _read_without_context(plan: Plan, goal: Member, asker: Target) -> Backwards:
    return _Reading(plan, asker, NO_OVERLAY).whole(goal)


def drivers(expression: Expression) -> Iterator[Leaf]:
    """Leaves whose sets together contain the whole set: all of a union, the easiest part of an intersection."""
    return _leaves(expression, lambda found: (found.parts[0],) if isinstance(found, AllOf) else (found.kept,))


def leaves(expression: Expression) -> Iterator[Leaf]:
    """All leaves."""
    return _leaves(expression, lambda found: found.parts if isinstance(found, AllOf) else (found.kept, found.taken))


def _leaves(expression: Expression, parts_of: Callable[[AllOf | Except], tuple[Expression, ...]]) -> Iterator[Leaf]:
    """Each leaf once: members that several others refer to are parts of several expressions."""
    seen: set[int] = set()
    waiting = [expression]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        match found:
            case AnyOf():
                waiting += found.parts
            case AllOf() | Except():
                waiting += parts_of(found)
            case _:
                yield found


_DEEPEST = 100
"""Members read within each other; one further down becomes a station, lest a long chain exhaust Python's stack."""


class _Reading:
    """Reads one goal. A member met again while it is being read lies on a cycle and becomes a station too."""

    def __init__(self, plan: Plan, asker: Target, overlay: Overlay) -> None:
        self._schema: CompiledSchema = plan.schema
        self._asker = asker
        self._members: Set[Member] = plan.members_for(asker, fits_schema=overlay.fits_schema).keys()
        self._contextual: dict[Member, set[Target]] = {}
        for held, subjects in overlay.subjects.items():
            targets = self._contextual.setdefault((held.entity_type, held.relation), set())
            targets.update(Target(found.type, found.relation) for found in subjects)
        self._stations: set[Member] = set()
        self._open: list[Member] = []
        self._read: dict[Member, Expression] = {}

    def whole(self, goal: Member) -> Backwards:
        """The goal and every station, read again until no more stations turn up."""
        while True:
            known = len(self._stations)
            self._read = {}
            expression = self._of(goal)
            stations: dict[Member, Expression] = {}
            waiting = [*self._stations_in([expression])]
            while waiting:
                station = waiting.pop()
                if station not in stations:
                    stations[station] = self._definition(station)
                    waiting += self._stations_in([stations[station]])
            if len(self._stations) == known:
                return Backwards(expression, stations)

    def _stations_in(self, expressions: Iterable[Expression]) -> Iterator[Member]:
        for expression in expressions:
            for leaf in leaves(expression):
                match leaf:
                    case OfStation(station):
                        yield station
                    case ThroughTuples(edges):
                        yield from (edge.station for edge in edges if edge.station is not None)
                    case _:
                        pass

    def _of(self, member: Member) -> Expression:
        """The set of a member, seen from its own entity."""
        if member in self._open or len(self._open) == _DEEPEST:
            self._stations.add(member)
        if member in self._stations:
            return OfStation(member)
        if member not in self._read:
            self._read[member] = self._definition(member)
        return self._read[member]

    def _definition(self, member: Member) -> Expression:
        if member not in self._members:
            return AnyOf.of(())
        self._open.append(member)
        kind, name = member
        entity = self._schema.entities[kind]
        if name in entity.permissions:
            definition = self._rewrite(kind, entity.permissions[name])
        elif name in entity.relations:
            definition = self._relation(kind, name)
        else:
            definition = WhereTrue(kind, name)
        self._open.pop()
        if self._asker == member:
            return AnyOf.of((TheSubjectItself(), definition))
        return definition

    def _rewrite(self, kind: str, rewrite: Rewrite) -> Expression:
        match rewrite:
            case Operation(Operator.EXCLUSION, left, right):
                return Except.of(self._rewrite(kind, left), self._rewrite(kind, right))
            case Operation(operator):
                parts = [self._rewrite(kind, part) for part in _operands(rewrite)]
                return AnyOf.of(parts) if operator is Operator.UNION else AllOf.of(parts)
            case ComputedUserset(name) | ComputedAttribute(name):
                return self._of((kind, name))
            case Arrow(relation, name):
                return self._arrow(kind, relation, name)
            case RuleCall():
                return WhereRule(kind, rewrite)

    def _relation(self, kind: str, name: str) -> Expression:
        declared = self._schema.entities[kind].relations[name]
        given = self._contextual.get((kind, name), set())
        edges = []
        for target in sorted({*declared, *given}):
            is_stored = target in declared
            if target == self._asker:
                edges.append(Edge(kind, name, target, None, is_stored))
            if target.relation and target in self._members:
                edges.append(self._edge(kind, name, target, station=target, is_stored=is_stored))
        return ThroughTuples(tuple(edges))

    def _arrow(self, kind: str, relation: str, name: str) -> Expression:
        """An arrow asks the entity a tuple points at, whatever relation the tuple gives it."""
        declared = self._schema.entities[kind].relations[relation]
        given = self._contextual.get((kind, relation), set())
        return ThroughTuples(
            tuple(
                self._edge(kind, relation, target, station=(target.type, name), is_stored=target in declared)
                for target in sorted({*declared, *given})
                if (target.type, name) in self._members
            )
        )

    def _edge(self, kind: str, relation: str, target: Target, *, station: Member, is_stored: bool) -> Edge:
        self._stations.add((station[0], station[1]))
        return Edge(kind, relation, target, (station[0], station[1]), is_stored)


def _operands(rewrite: Operation) -> list[Rewrite]:
    """``a or b or c`` has three operands, though it is nested."""
    operands = [rewrite.right]
    left = rewrite.left
    while isinstance(left, Operation) and left.operator is rewrite.operator:
        operands.append(left.right)
        left = left.left
    return [left, *reversed(operands)]
