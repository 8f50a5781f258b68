"""What counts as covered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.coverage_measure import NO_SCENARIO, EntityCoverage, Share, coverage_of
from cli.documents import Document
from cli.validation_reader import read_validation_file
from schema.compiler import compile_schema

SCHEMA = """
schema: |
  entity user {}
  entity group {
    relation member @user @group#member
  }
  entity doc {
    relation owner @user @group#member
    relation viewer @user @user @group
    attribute public boolean
    attribute size integer
    permission edit = owner
    permission view = edit or public
  }
"""


def coverage(text: str = "") -> dict[str, EntityCoverage]:
    """The coverage by entity type of the schema above with more text below it."""
    file = read_validation_file(Document("f.yaml", SCHEMA + text))
    return {entity.name: entity for entity in coverage_of(compile_schema(file.schema), file).entities}


def totals(text: str = "") -> tuple[int, int, int]:
    file = read_validation_file(Document("f.yaml", SCHEMA + text))
    covered = coverage_of(compile_schema(file.schema), file)
    return covered.relationships_percent, covered.attributes_percent, covered.assertions_percent


def test_every_target_of_a_relation_is_to_be_covered_once() -> None:
    assert coverage()["doc"].relationships.names == (
        "doc#owner@user",
        "doc#owner@group#member",
        "doc#viewer@user",
        "doc#viewer@group",
    )


def test_a_target_is_covered_by_a_tuple_of_its_very_shape() -> None:
    text = "relationships: ['doc:1#owner@group:1#member', 'doc:1#viewer@group:1', 'group:1#member@user:1']"
    entities = coverage(text)

    assert entities["doc"].relationships.uncovered == ("doc#owner@user", "doc#viewer@user")
    assert entities["doc"].relationships.percent == 50
    assert entities["group"].relationships.uncovered == ("group#member@group#member",)


def test_an_attribute_is_covered_by_any_value() -> None:
    entities = coverage("attributes: ['doc:1$public|boolean:false']")
    assert entities["doc"].attributes.uncovered == ("doc#size",)


def test_what_comes_with_a_question_covers_too() -> None:
    text = """
scenarios:
  - checks:
      - entity: doc:1
        subject: user:1
        context: {tuples: ['doc:1#owner@user:1'], attributes: ['doc:1$size|integer:1']}
        assertions: {edit: true}
"""
    entities = coverage(text)
    assert "doc#owner@user" not in entities["doc"].relationships.uncovered
    assert entities["doc"].attributes.uncovered == ("doc#public",)


@pytest.mark.parametrize(
    "cases",
    [
        "checks: [{entity: 'doc:1', subject: 'user:1', assertions: {view: false}}]",
        "entity_filters: [{entity_type: doc, subject: 'user:1', assertions: {view: []}}]",
        "subject_filters: [{entity: 'doc:1', subject_reference: user, assertions: {view: []}}]",
    ],
)
def test_an_assertion_of_any_kind_covers_its_permission_in_its_own_scenario_alone(cases: str) -> None:
    text = f"scenarios:\n  - {{name: first, {cases}}}\n  - name: second\n"
    first, second = coverage(text)["doc"].assertions

    assert (first.scenario, first.share.uncovered, first.share.percent) == ("first", ("doc#edit",), 50)
    assert (second.scenario, second.share.uncovered, second.share.percent) == ("second", ("doc#edit", "doc#view"), 0)


def test_asking_for_a_relation_or_an_unknown_name_covers_no_permission() -> None:
    text = "scenarios: [{checks: [{entity: 'doc:1', subject: 'user:1', assertions: {owner: true, fly: true}}]}]"
    assert coverage(text)["doc"].assertions[0].share.percent == 0


def test_without_scenarios_nothing_is_asserted() -> None:
    entities = coverage()
    assert [(scenario, share.percent) for scenario, share in entities["doc"].assertions] == [(NO_SCENARIO, 0)]
    assert [(scenario, share.percent) for scenario, share in entities["user"].assertions] == [(NO_SCENARIO, 100)]


def test_an_entity_with_nothing_to_cover_is_covered() -> None:
    user = coverage()["user"]
    assert (user.relationships.percent, user.attributes.percent) == (100, 100)
    assert user.relationships.names == ()


def test_totals_are_means_over_entities_and_for_assertions_over_scenarios_too() -> None:
    text = """
relationships: ['doc:1#owner@user:1', 'group:1#member@user:1']
scenarios:
  - {name: first, checks: [{entity: 'doc:1', subject: 'user:1', assertions: {view: true, edit: true}}]}
  - {name: second, checks: [{entity: 'doc:1', subject: 'user:1', assertions: {view: true}}]}
"""
    # relationships: 100, 50, 25; attributes: 100, 100, 0; assertions: 100 four times, then 100 and 50
    assert totals(text) == (58, 66, 91)


@given(covered=st.integers(0, 500), uncovered=st.integers(0, 500))
def test_only_everything_is_100_percent(covered: int, uncovered: int) -> None:
    names = tuple(str(number) for number in range(covered + uncovered))
    percent = Share(names, names[covered:]).percent

    assert 0 <= percent <= 100
    assert (percent == 100) is (uncovered == 0)
