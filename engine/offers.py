"""What a leaf's set can be listed from: in the store, from the context, from the sets of stations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from engine.backwards import Edge, Leaf, Member, OfStation, TheSubjectItself, ThroughTuples, WhereRule, WhereTrue
from engine.overlay import Overlay
from model.errors import AuthzError
from model.tuples import EntityRef, SubjectRef
from schema.compiled import CompiledSchema, RuleCall
from storage.base import HeldBy, KnownEntities, Listing, WithAttribute

NO_IDS: frozenset[str] = frozenset()


@dataclass(slots=True)
class Ids:
    """A set of entity ids as far as it is known.

    sure: ids the member allows for certain. unsure: ids a check has to decide; the two share none. What is in neither
    is denied.
    """

    sure: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Offer:
    """Where the ids of a leaf come from.

    sure, unsure: what to list. given_sure, given_unsure: ids known without listing. doubted: ids that are unsure
    wherever they come from. The leaf's set is within all of these together.
    """

    sure: Sequence[Listing] = ()
    unsure: Sequence[Listing] = ()
    given_sure: Set[str] = NO_IDS
    given_unsure: Set[str] = NO_IDS
    doubted: Set[str] = NO_IDS


class Offers:
    """Makes offers for one request. named: entities it names, known whether any tuple has them or not."""

    def __init__(
        self, schema: CompiledSchema, subject: SubjectRef, overlay: Overlay, named: Iterable[EntityRef] = ()
    ) -> None:
        self._rules = schema.rules
        self._subject = subject
        self._overlay = overlay
        self._named = {EntityRef(subject.type, subject.id), *named}
        self._contextual: dict[tuple[str, str, str, str], dict[str, set[str]]] = {}
        for (entity_type, entity_id, relation), subjects in overlay.subjects.items():
            for found in subjects:
                leading = self._contextual.setdefault((entity_type, relation, found.type, found.relation), {})
                leading.setdefault(found.id, set()).add(entity_id)

    def of(self, leaf: Leaf, stations: Mapping[Member, Ids]) -> Offer:
        """The offer of a leaf whose stations are complete."""
        match leaf:
            case ThroughTuples(edges):
                return _joined([self.of_edge(edge, self._subjects_of(edge, stations)) for edge in edges])
            case OfStation(station):
                found = stations[station]
                return Offer(given_sure=found.sure, given_unsure=found.unsure)
            case TheSubjectItself():
                return Offer(given_sure={self._subject.id})
            case WhereTrue(entity_type, attribute):
                return self._of_attribute(entity_type, attribute)
            case WhereRule(entity_type, call):
                return self._of_rule(entity_type, call)

    def of_edge(self, edge: Edge, subjects: Ids) -> Offer:
        """Where an edge leads from these subjects."""
        return Offer(
            sure=self._listings(edge, subjects.sure),
            unsure=self._listings(edge, subjects.unsure),
            given_sure=self._given(edge, subjects.sure),
            given_unsure=self._given(edge, subjects.unsure),
        )

    def _subjects_of(self, edge: Edge, stations: Mapping[Member, Ids]) -> Ids:
        return Ids(sure={self._subject.id}) if edge.station is None else stations[edge.station]

    def _listings(self, edge: Edge, ids: Set[str]) -> Sequence[Listing]:
        if not edge.is_stored or not ids:
            return ()
        return (HeldBy(edge.entity_type, edge.relation, *edge.subject, sorted(ids)),)

    def _given(self, edge: Edge, ids: Set[str]) -> Set[str]:
        leading = self._contextual.get((edge.entity_type, edge.relation, *edge.subject))
        if not leading:
            return NO_IDS
        return NO_IDS.union(*(entities for subject_id, entities in leading.items() if subject_id in ids))

    def _of_attribute(self, entity_type: str, attribute: str) -> Offer:
        """A contextual value counts before a stored one, and may be of a kind that fails: such entities are checked."""
        contextual = self._with_contextual(entity_type, (attribute,))
        listing = WithAttribute(entity_type, attribute, is_true=True)
        return Offer(sure=(listing,), given_unsure=contextual, doubted=contextual)

    def _of_rule(self, entity_type: str, call: RuleCall) -> Offer:
        """Entities without any of the attributes have the same values, zero; so one evaluation speaks for them all."""
        if self._is_denied_at_zero(call):
            listings = [WithAttribute(entity_type, name) for name in call.arguments]
            return Offer(unsure=listings, given_unsure=self._with_contextual(entity_type, call.arguments))
        return Offer(unsure=(KnownEntities(entity_type),), given_unsure=self._known_by_request(entity_type))

    def _is_denied_at_zero(self, call: RuleCall) -> bool:
        rule = self._rules[call.rule]
        try:
            return not rule.evaluate({name: kind.zero for name, kind in rule.parameters.items()}, self._overlay.data)
        except AuthzError:
            return False

    def _with_contextual(self, entity_type: str, names: Sequence[str]) -> Set[str]:
        attributes = self._overlay.attributes
        return {key.entity_id for key in attributes if key.entity_type == entity_type and key.name in names}

    def _known_by_request(self, entity_type: str) -> Set[str]:
        held = self._overlay.subjects
        known = {entity.id for entity in self._named if entity.type == entity_type}
        known |= {entity_id for kind, entity_id, _ in held if kind == entity_type}
        known |= {found.id for subjects in held.values() for found in subjects if found.type == entity_type}
        return known | {key.entity_id for key in self._overlay.attributes if key.entity_type == entity_type}


def _joined(offers: Sequence[Offer]) -> Offer:
    if len(offers) == 1:
        return offers[0]
    return Offer(
        sure=[listing for offer in offers for listing in offer.sure],
        unsure=[listing for offer in offers for listing in offer.unsure],
        given_sure=NO_IDS.union(*(offer.given_sure for offer in offers)),
        given_unsure=NO_IDS.union(*(offer.given_unsure for offer in offers)),
    )
