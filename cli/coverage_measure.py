"""How much of a schema a validation file exercises.

    relationships   ``entity#relation@target`` for each target of each relation: a tuple of that shape is in the file
    attributes      ``entity#attribute``: a value for it is in the file
    assertions      ``entity#permission``, once for each scenario: the scenario says what the permission should give

Tuples and values count wherever the file has them, under ``relationships`` and ``attributes`` or in the context of a
case. Percentages are whole and rounded down, so that 100 means everything. Source: reference wire-api §14.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, assert_never

from cli.validation_file import Case, CheckCase, EntityFilterCase, Scenario, SubjectFilterCase, ValidationFile
from schema.compiled import CompiledSchema, EntityDefinition, Target

NO_SCENARIO = "no scenario"


class Share(NamedTuple):
    """What there is to cover and what of it is not covered, both in the order of the schema."""

    names: tuple[str, ...]
    uncovered: tuple[str, ...]

    @property
    def percent(self) -> int:
        """How much is covered; where there is nothing to cover, all of it is."""
        return 100 * (len(self.names) - len(self.uncovered)) // len(self.names) if self.names else 100


class ScenarioShare(NamedTuple):
    """What one scenario asserts of an entity type's permissions."""

    scenario: str
    share: Share


@dataclass(frozen=True, slots=True)
class EntityCoverage:
    """One entity type. assertions: one for each scenario of the file, at least one."""

    name: str
    relationships: Share
    attributes: Share
    assertions: tuple[ScenarioShare, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """A whole schema; entity types in the order of the schema, at least one."""

    entities: tuple[EntityCoverage, ...]

    @property
    def relationships_percent(self) -> int:
        """The mean over the entity types."""
        return _mean([entity.relationships.percent for entity in self.entities])

    @property
    def attributes_percent(self) -> int:
        """The mean over the entity types."""
        return _mean([entity.attributes.percent for entity in self.entities])

    @property
    def assertions_percent(self) -> int:
        """The mean over the entity types and scenarios."""
        return _mean([each.share.percent for entity in self.entities for each in entity.assertions])


def coverage_of(schema: CompiledSchema, file: ValidationFile) -> Coverage:
    """What a file covers of the schema it holds. A file without scenarios counts as one that asserts nothing."""
    exercised = _Exercised(
        relationships=frozenset(_relationships(file)),
        attributes=frozenset(_attributes(file)),
        assertions=[(scenario.name, frozenset(_assertions(scenario))) for scenario in file.scenarios]
        or [(NO_SCENARIO, frozenset())],
    )
    return Coverage(tuple(_entity_coverage(entity, exercised) for entity in schema.entities.values()))


class _Exercised(NamedTuple):
    """What a file has of each kind, in the form of ``Share.names``; assertions by scenario."""

    relationships: Collection[str]
    attributes: Collection[str]
    assertions: Sequence[tuple[str, Collection[str]]]


def _entity_coverage(entity: EntityDefinition, exercised: _Exercised) -> EntityCoverage:
    relationships = [
        _relationship(entity.name, relation, target)
        for relation, targets in entity.relations.items()
        for target in dict.fromkeys(targets)
    ]
    permissions = [_member(entity.name, permission) for permission in entity.permissions]
    return EntityCoverage(
        name=entity.name,
        relationships=_share(relationships, exercised.relationships),
        attributes=_share([_member(entity.name, name) for name in entity.attributes], exercised.attributes),
        assertions=tuple(
            ScenarioShare(scenario, _share(permissions, asserted)) for scenario, asserted in exercised.assertions
        ),
    )


def _share(names: Sequence[str], exercised: Collection[str]) -> Share:
    return Share(tuple(names), tuple(name for name in names if name not in exercised))


def _relationships(file: ValidationFile) -> Iterator[str]:
    for item in chain(file.relationships, *(case.context.tuples for case in _cases(file))):
        yield _relationship(item.entity_type, item.relation, Target(item.subject_type, item.subject_relation))


def _attributes(file: ValidationFile) -> Iterator[str]:
    for item in chain(file.attributes, *(case.context.attributes for case in _cases(file))):
        yield _member(item.entity_type, item.name)


def _assertions(scenario: Scenario) -> Iterator[str]:
    for case in scenario.cases:
        for permission in case.assertions:
            yield _member(_entity_type(case), permission)


def _cases(file: ValidationFile) -> list[Case]:
    return [case for scenario in file.scenarios for case in scenario.cases]


def _entity_type(case: Case) -> str:
    match case:
        case CheckCase(entity=entity) | SubjectFilterCase(entity=entity):
            return entity.type
        case EntityFilterCase(entity_type=entity_type):
            return entity_type
        case unreachable:
            assert_never(unreachable)


def _relationship(entity_type: str, relation: str, target: Target) -> str:
    subject = f"{target.type}#{target.relation}" if target.relation else target.type
    return f"{entity_type}#{relation}@{subject}"


def _member(entity_type: str, name: str) -> str:
    return f"{entity_type}#{name}"


def _mean(percents: Sequence[int]) -> int:
    return sum(percents) // len(percents)
