"""The rules over one entity as equations over sets of subjects: what a check would walk, for everybody at once.

Every member of every entity that the question leads to is a place with one equation; the subjects that relations hold
directly are its unknowns, listed later and window by window. Built in rounds of batched reads, as a check is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from engine.asker import Known
from engine.leaves import ArrowLeaf, AttributeLeaf, GatePlan, Leaf, PermissionLeaf, RelationLeaf, RuleLeaf
from engine.outcomes import ALLOWED
from engine.overlay import Overlay
from engine.plan import AttributePlan, MemberPlan, PermissionPlan, Plan, RelationPlan
from engine.subject_sets import ALL, NONE, UNDECIDED, Extent
from engine.values import holds, is_true
from engine.walk import Read
from model.attributes import EntityAttribute
from model.errors import AuthzError, LimitExceeded
from model.tuples import EntityRef, EntityRelation, SubjectRef
from schema.compiled import Target
from storage.base import EntityRead, Facts

MOST_PLACES = 250_000
"""Places one request may have, at about a kilobyte each; beyond that it fails."""

_PLACES_PER_READ = 200
_NOBODY = SubjectRef("", "")

Place = tuple[str, str, str]
"""Entity type, entity id, and the name of a member or of a part of one."""


@dataclass(frozen=True, slots=True)
class Direct:
    """Whom a relation holds directly: what is stored, where the schema admits it, and ``given`` by the context."""

    relation: EntityRelation
    is_stored: bool
    given: frozenset[str]


@dataclass(frozen=True, slots=True)
class Combined:
    """A union, or an intersection of the operands and of the complements of what is excluded.

    No Combined within an excluded one has excluded operands of its own: it has a place of its own instead.
    """

    is_union: bool
    operands: tuple[Equation, ...]
    excluded: tuple[Equation, ...] = ()


@dataclass(frozen=True, slots=True)
class At:
    """The set at another place, or at this one again."""

    place: Place


Equation = Direct | Combined | At | Extent


@dataclass(slots=True)
class SubjectRules:
    """The equations by place, and the relations whose subjects they speak of. The first place is the question's."""

    equations: dict[Place, Equation] = field(default_factory=dict)
    direct: list[Direct] = field(default_factory=list)


async def subject_rules(read: Read, plan: Plan, sort: Target, overlay: Overlay, question: Place) -> SubjectRules:
    """The equations for subjects of one type and relation. Raises what the reader raises, and LimitExceeded."""
    builder = _Builder(read, plan, sort, overlay)
    builder.lead_to(question)
    while builder.waiting:
        await builder.build_some()
    return builder.rules


class _Builder:
    def __init__(self, read: Read, plan: Plan, sort: Target, overlay: Overlay) -> None:
        self._read = read
        self._sort = sort
        self._overlay = overlay
        self._members: Mapping[tuple[str, str], MemberPlan] = plan.members_for(sort, fits_schema=overlay.fits_schema)
        self._known: dict[EntityRef, Known] = {}
        self.rules = SubjectRules()
        self.waiting: list[tuple[Place, MemberPlan]] = []

    def lead_to(self, place: Place) -> At | Extent:
        """The set at a place, which is to be built if it is new; nobody's if nobody of the sort can be in it."""
        plan = self._members.get((place[0], place[2]))
        if plan is None:
            return NONE
        if place not in self.rules.equations:
            self.rules.equations[place] = NONE  # until it is built
            self.waiting.append((place, plan))
            if len(self.rules.equations) > MOST_PLACES:
                raise LimitExceeded(f"the lookup visits more than {MOST_PLACES} relations and permissions")
        return At(place)

    async def build_some(self) -> None:
        """Read what is not known yet of some of the waiting places, and build them."""
        part, self.waiting = self.waiting[:_PLACES_PER_READ], self.waiting[_PLACES_PER_READ:]
        reads: list[EntityRead] = []
        readers: list[Known] = []
        for (kind, entity_id, name), plan in part:
            known = self._known.setdefault(EntityRef(kind, entity_id), Known())
            if name not in known.covered:
                known.cover(plan.covers)
                reads.append(EntityRead(kind, entity_id, _NOBODY, plan.wanted))
                readers.append(known)
        if reads:
            for known, facts in zip(readers, await self._read(reads), strict=True):
                known.learn(facts)
        for place, plan in part:
            equation = self._member(place, plan, self._known[EntityRef(*place[:2])].facts)
            if (place[0], place[2]) == self._sort:  # group:1#member is within group:1#member, by definition
                equation = Combined(is_union=True, operands=(Extent.of((place[1],)), equation))
            self.rules.equations[place] = equation

    def _member(self, place: Place, plan: MemberPlan, facts: Facts) -> Equation:
        match plan:
            case RelationPlan():
                return self._relation(EntityRelation(*place), plan, facts)
            case PermissionPlan(gate):
                return self._gate(place, gate, facts)
            case AttributePlan():
                return self._attribute(place, facts)

    def _relation(self, relation: EntityRelation, plan: RelationPlan, facts: Facts) -> Equation:
        given = self._overlay.subjects.get(relation, ())
        stored = [found for found in facts.usersets.get(relation.relation, ()) if (found[0], found[2]) in plan.targets]
        usersets = dict.fromkeys(found for found in (*given, *stored) if found.relation)
        direct = Direct(
            relation,
            is_stored=self._sort in plan.targets,
            given=frozenset(found.id for found in given if (found.type, found.relation) == self._sort),
        )
        operands: list[Equation] = [self.lead_to(found) for found in usersets]
        if direct.is_stored or direct.given:
            self.rules.direct.append(direct)
            operands.append(direct)
        return Combined(is_union=True, operands=tuple(operands))

    def _gate(self, place: Place, gate: GatePlan, facts: Facts) -> Equation:
        return Combined(
            is_union=gate.decisive == ALLOWED,
            operands=tuple(self._operand(place, operand, facts) for operand in gate.operands),
            excluded=tuple(self._excluded(place, operand, facts) for operand in gate.excluded),
        )

    def _excluded(self, place: Place, operand: GatePlan | Leaf, facts: Facts) -> Equation:
        if not isinstance(operand, GatePlan):
            return self._operand(place, operand, facts)
        kind, entity_id, name = place
        apart = (kind, entity_id, f"{name} / {len(self.rules.equations)}")  # no member has a blank in its name
        self.rules.equations[apart] = NONE  # takes the number
        self.rules.equations[apart] = self._gate(place, operand, facts)
        return At(apart)

    def _operand(self, place: Place, operand: GatePlan | Leaf, facts: Facts) -> Equation:
        kind, entity_id, _ = place
        match operand:
            case GatePlan():
                return self._gate(place, operand, facts)
            case RelationLeaf(name) | PermissionLeaf(name) | AttributeLeaf(name):
                return self.lead_to((kind, entity_id, name))
            case ArrowLeaf(relation, name, targets):
                ends = self._ends(EntityRelation(kind, entity_id, relation), facts, targets)
                return Combined(is_union=True, operands=tuple(self.lead_to((*end, name)) for end in ends))
            case RuleLeaf():
                return self._rule(EntityRef(kind, entity_id), operand, facts)

    def _ends(self, relation: EntityRelation, facts: Facts, targets: Set[Target]) -> Sequence[EntityRef]:
        stored = [found for found in facts.subjects.get(relation.relation, ()) if (found[0], found[2]) in targets]
        found = (*self._overlay.subjects.get(relation, ()), *stored)
        return tuple(dict.fromkeys(EntityRef(subject.type, subject.id) for subject in found))

    def _attribute(self, place: Place, facts: Facts) -> Extent:
        try:
            return ALL if is_true(EntityAttribute(*place), facts, self._overlay) else NONE
        except AuthzError:
            return UNDECIDED

    def _rule(self, entity: EntityRef, call: RuleLeaf, facts: Facts) -> Extent:
        try:
            return ALL if holds(call, entity, facts, self._overlay) else NONE
        except AuthzError:
            return UNDECIDED
