"""Validation files: what they say, and everything that is wrong with one, told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.documents import Document, UnusableFile, read_document
from cli.validation_file import CheckCase, EntityFilterCase, SubjectFilterCase, SubjectReference, ValidationFile
from cli.validation_reader import read_validation_file, schema_of
from model.attributes import Attribute
from model.check import NO_CONTEXT
from model.tuples import EntityRef, RelationTuple, SubjectRef

SCHEMA = "schema: |\n  entity user {}\n"


def read(text: str) -> ValidationFile:
    return read_validation_file(Document("f.yaml", text))


def problems_of(text: str) -> list[str]:
    with pytest.raises(UnusableFile) as raised:
        read(text)
    return list(raised.value.problems)


def test_the_sample_can_be_read() -> None:
    file = read_validation_file(read_document(str(Path(__file__).parents[2] / "examples" / "drive.yaml")))
    assert RelationTuple.parse("folder:plans#editor@group:sales#member") in file.relationships
    assert Attribute.parse("document:handbook$public|boolean:true") in file.attributes
    assert sum(len(case.assertions) for scenario in file.scenarios for case in scenario.cases) >= 15


def test_all_kinds_of_cases_are_read() -> None:
    file = read(
        SCHEMA
        + """
scenarios:
  - name: one
    description: a story
    checks:
      - entity: doc:1
        subject: group:2#member
        depth: 5
        context:
          tuples: ["doc:1#viewer@user:3"]
          attributes: ["doc:1$open|boolean:true"]
          data: {hour: 1, none: null, list: [a, {b: 2.5}]}
        assertions: {view: true, edit: false}
    entity_filters:
      - entity_type: doc
        subject: user:3
        assertions: {view: [1, "2"]}
    subject_filters:
      - subject_reference: group#member
        entity: doc:1
        assertions: {view: []}
"""
    )
    (scenario,) = file.scenarios
    check, entity_filter, subject_filter = scenario.cases

    assert (scenario.name, scenario.description) == ("one", "a story")
    assert isinstance(check, CheckCase)
    assert (check.entity, check.subject) == (EntityRef("doc", "1"), SubjectRef("group", "2", "member"))
    assert (check.depth, check.assertions) == (5, {"view": True, "edit": False})
    assert check.context.tuples == (RelationTuple.parse("doc:1#viewer@user:3"),)
    assert check.context.attributes == (Attribute.parse("doc:1$open|boolean:true"),)
    assert check.context.data == {"hour": 1, "none": None, "list": ["a", {"b": 2.5}]}
    assert entity_filter == EntityFilterCase(
        "doc", SubjectRef("user", "3"), {"view": frozenset({"1", "2"})}, 100, NO_CONTEXT
    )
    assert subject_filter == SubjectFilterCase(
        EntityRef("doc", "1"), SubjectReference("group", "member"), {"view": frozenset()}, 100, NO_CONTEXT
    )


def test_everything_wrong_is_told_at_once_with_line_and_path() -> None:
    assert problems_of(
        """shcema: x
relationships:
  - doc:1#viewer
  - [a]
attributes: doc
scenarios:
  - name: [x]
    chekcs: []
    checks:
      - entity: doc
        subject: user:1
        depth: 2
        assertions: {view: "yes"}
      - subject: user:1
        context: {data: [1], tuple: []}
"""
    ) == [
        "f.yaml:1: shcema: unknown key; did you mean schema?",
        "f.yaml:1: schema is missing",
        "f.yaml:3: relationships[0]: expected type:id#relation@type:id[#relation], got 'doc:1#viewer'",
        "f.yaml:4: relationships[1]: expected a text, got a list",
        "f.yaml:5: attributes: expected a list, got 'doc'",
        "f.yaml:8: scenarios[0].chekcs: unknown key; did you mean checks?",
        "f.yaml:10: scenarios[0].checks[0].entity: expected type:id, got 'doc'",
        "f.yaml:13: scenarios[0].checks[0].assertions.view: expected true or false, got 'yes'",
        "f.yaml:12: scenarios[0].checks[0].depth: expected 0 (meaning 100) or at least 3, got 2",
        "f.yaml:14: scenarios[0].checks[1]: entity is missing",
        "f.yaml:14: scenarios[0].checks[1]: assertions are missing, so nothing would be checked",
        "f.yaml:15: scenarios[0].checks[1].context.tuple: unknown key; did you mean tuples?",
        "f.yaml:15: scenarios[0].checks[1].context.data: expected keys with values",
        "f.yaml:7: scenarios[0].name: expected a text, got a list",
    ]


@pytest.mark.parametrize(("depth", "meaning"), [("0", 100), ("3", 3), ("1000", 1000)])
def test_depth_zero_means_a_hundred(depth: str, meaning: int) -> None:
    file = read(
        f"{SCHEMA}scenarios: [{{checks: [{{entity: a:1, subject: u:1, depth: {depth}, assertions: {{v: true}}}}]}}]"
    )
    assert file.scenarios[0].cases[0].depth == meaning
    assert file.scenarios[0].name == "scenarios[0]"


@pytest.mark.parametrize("depth", ["1", "2", "-1", "3.5", "true", "x"])
def test_other_depths_are_wrong(depth: str) -> None:
    (problem,) = problems_of(
        f"{SCHEMA}scenarios: [{{checks: [{{entity: a:1, subject: u:1, depth: {depth}, assertions: {{v: true}}}}]}}]"
    )
    assert "scenarios[0].checks[0].depth: expected" in problem


def test_an_assertion_without_expectation_is_not_passed_over() -> None:
    (problem,) = problems_of(
        f"{SCHEMA}scenarios: [{{checks: [{{entity: a:1, subject: u:1, assertions: {{v: , w: true}}}}]}}]"
    )
    assert problem == "f.yaml:3: scenarios[0].checks[0].assertions.v: expected true or false, got nothing"


@pytest.mark.parametrize("reference", ["'#member'", "'group#'"])
def test_a_subject_reference_is_a_type_or_a_userset(reference: str) -> None:
    case = f"{{subject_reference: {reference}, entity: a:1, assertions: {{v: []}}}}"
    (problem,) = problems_of(f"{SCHEMA}scenarios: [{{subject_filters: [{case}]}}]")
    assert "expected type or type#relation" in problem


def test_a_schema_may_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "s.perm").write_text("entity user {}", encoding="utf-8")
    (tmp_path / "f.yaml").write_text("schema: ./s.perm\n", encoding="utf-8")
    document = read_document(f"{tmp_path}/f.yaml")

    assert read_validation_file(document).schema == "entity user {}"
    assert schema_of(document) == "entity user {}"


@pytest.mark.parametrize("schema", ["../s.perm", "/s.perm", "missing.perm"])
def test_a_schema_elsewhere_is_refused(schema: str) -> None:
    (problem,) = problems_of(f"schema: {schema}\n")
    assert problem.startswith("f.yaml:1: schema: ")


def test_a_bare_schema_is_its_own_schema() -> None:
    for text in ("entity user {}", "entity user {}\nentity doc {\n  relation a @user\n}\n", "a: 1"):
        assert schema_of(Document("f", text)) == text


@pytest.mark.parametrize("text", ["[1]", "just words", "a: [", "schema: {x: 1}"])
def test_other_files_are_refused(text: str) -> None:
    assert problems_of(text)
