"""The naive evaluator: what a check means, written to be believed rather than to be fast.

It recurses along every path, remembers nothing and reads a plain set of tuples. A permission met again on its own
path contributes nothing, and fails if an exclusion lies between the two meetings; a path longer than the depth fails.
The engine is held equal to this by property tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.outcomes import ALLOWED, DENIED, FAILED, Outcome
from model.attributes import Attribute, AttributeKind, AttributeValue, EntityAttribute
from model.check import NO_CONTEXT, Context, Question
from model.errors import AuthzError
from model.tuples import RelationTuple, SubjectRef
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

Place = tuple[str, str, str]  # entity type, entity id, member name or rule call


@dataclass(frozen=True)
class Path:
    """The places on the way from the question, each with the number of exclusions entered before it."""

    steps: tuple[tuple[Place, int], ...] = ()
    exclusions: int = 0

    def to(self, place: Place) -> Path:
        return Path((*self.steps, (place, self.exclusions)), self.exclusions)

    def into_exclusion(self) -> Path:
        return Path(self.steps, self.exclusions + 1)


@dataclass(frozen=True)
class NaiveEvaluator:
    """A schema and a state of the data; ``depth`` as in a request, None for no bound."""

    schema: CompiledSchema
    tuples: Iterable[RelationTuple]
    attributes: Iterable[Attribute] = ()
    context: Context = NO_CONTEXT
    depth: int | None = None

    def outcome(self, question: Question) -> Outcome:
        """The outcome of a question about a member that exists."""
        return self._member((*question.entity, question.permission), question.subject, Path())

    def _member(self, place: Place, subject: SubjectRef, path: Path) -> Outcome:
        for step, exclusions in path.steps:
            if step == place:
                return FAILED if path.exclusions > exclusions else DENIED
        if self.depth is not None and len(path.steps) > self.depth:
            return FAILED
        if place == subject:
            return ALLOWED
        entity_type, _, name = place
        entity = self.schema.entities.get(entity_type)
        if entity is None:
            return DENIED
        if name in entity.permissions:
            return self._rewrite(entity.permissions[name], place, subject, path.to(place))
        if name in entity.relations:
            return self._relation(place, subject, path.to(place))
        if name in entity.attributes:
            return self._attribute(place)
        return DENIED

    def _rewrite(self, rewrite: Rewrite, place: Place, subject: SubjectRef, path: Path) -> Outcome:
        entity_type, entity_id, _ = place
        match rewrite:
            case Operation(Operator.UNION, left, right):
                return max(self._rewrite(side, place, subject, path) for side in (left, right))
            case Operation(Operator.INTERSECTION, left, right):
                return min(self._rewrite(side, place, subject, path) for side in (left, right))
            case Operation(Operator.EXCLUSION, left, right):
                kept = self._rewrite(left, place, subject, path)
                return min(kept, ALLOWED - self._rewrite(right, place, subject, path.into_exclusion()))
            case ComputedUserset(name) | ComputedAttribute(name):
                return self._member((entity_type, entity_id, name), subject, path)
            case Arrow(relation, name):
                ends = self._subjects((entity_type, entity_id, relation))
                return max((self._member((end.type, end.id, name), subject, path) for end in ends), default=DENIED)
            case RuleCall(rule, arguments):
                return self._rule((entity_type, entity_id, rule), arguments, path)
        raise AssertionError(rewrite)

    def _relation(self, place: Place, subject: SubjectRef, path: Path) -> Outcome:
        subjects = list(self._subjects(place))
        if subject in subjects:
            return ALLOWED
        usersets = [found for found in subjects if found.relation]
        return max((self._member(userset, subject, path) for userset in usersets), default=DENIED)

    def _subjects(self, place: Place) -> Iterator[SubjectRef]:
        entity_type, _, relation = place
        targets = self.schema.entities[entity_type].relations.get(relation, ())
        for row in self.tuples:
            if row.entity_relation == place and Target(row.subject_type, row.subject_relation) in targets:
                yield row.subject
        yield from (row.subject for row in self.context.tuples if row.entity_relation == place)

    def _attribute(self, place: Place) -> Outcome:
        value = self._contextual(place) or self._stored(place)
        if value is None:
            return DENIED
        if value.kind is not AttributeKind.BOOLEAN:
            return FAILED
        return ALLOWED if value.value else DENIED

    def _rule(self, place: Place, arguments: tuple[str, ...], path: Path) -> Outcome:
        if self.depth is not None and len(path.steps) > self.depth:
            return FAILED
        entity_type, entity_id, name = place
        rule = self.schema.rules[name]
        values = {parameter: kind.zero for parameter, kind in rule.parameters.items()}
        for argument in arguments:
            key = (entity_type, entity_id, argument)
            value = self._stored(key) or self._contextual(key)
            if value is not None and value.kind is not rule.parameters[argument]:
                return FAILED
            if value is not None:
                values[argument] = value.value
        try:
            return ALLOWED if rule.evaluate(values, self.context.data) else DENIED
        except AuthzError:
            return FAILED

    def _stored(self, place: Place) -> AttributeValue | None:
        return _value_of(place, self.attributes)

    def _contextual(self, place: Place) -> AttributeValue | None:
        return _value_of(place, self.context.attributes)


def _value_of(place: Place, attributes: Iterable[Attribute]) -> AttributeValue | None:
    found = [attribute.value for attribute in attributes if attribute.key == EntityAttribute(*place)]
    return found[-1] if found else None
