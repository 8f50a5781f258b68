"""``ringward ast``: compiled schemas as JSON. The sample is that of the schema language reference, §8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.show_ast import show_ast

SCHEMA = """
entity user {}
entity team {
  relation lead @user
  relation member @user @team#lead
}
entity file {
  relation owner @user
  relation team @team
  attribute listed boolean
  attribute size integer
  permission read = (owner or team.member) and listed
  action purge = owner not small(size)
}
rule small(size integer) {
  size < 10
}
"""


def ast_of(folder: Path, text: str, *options: str) -> str:
    path = folder / "schema"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(show_ast, [str(path), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def leaf(relation: str) -> dict[str, Any]:
    return {"leaf": {"computedUserSet": {"relation": relation}}}


def test_the_sample_of_the_reference_compiles_to_what_the_reference_says(tmp_path: Path) -> None:
    schema = json.loads(ast_of(tmp_path, SCHEMA))
    file = schema["entityDefinitions"]["file"]

    assert schema["references"]["small"] == "REFERENCE_RULE"
    assert file["name"] == "file"
    assert file["relations"]["owner"] == {"name": "owner", "relationReferences": [{"type": "user"}]}
    arrow = {"tupleToUserSet": {"tupleSet": {"relation": "team"}, "computed": {"relation": "member"}}}
    assert file["permissions"]["read"]["child"] == {
        "rewrite": {
            "rewriteOperation": "OPERATION_INTERSECTION",
            "children": [
                {"rewrite": {"rewriteOperation": "OPERATION_UNION", "children": [leaf("owner"), {"leaf": arrow}]}},
                {"leaf": {"computedAttribute": {"name": "listed"}}},
            ],
        }
    }
    assert file["permissions"]["purge"]["child"]["rewrite"]["rewriteOperation"] == "OPERATION_EXCLUSION"
    call = file["permissions"]["purge"]["child"]["rewrite"]["children"][1]["leaf"]["call"]
    assert call == {"ruleName": "small", "arguments": [{"computedAttribute": {"name": "size"}}]}
    assert file["attributes"]["size"] == {"name": "size", "type": "ATTRIBUTE_TYPE_INTEGER"}
    assert file["references"]["read"] == "REFERENCE_PERMISSION"
    assert schema["ruleDefinitions"]["small"]["arguments"] == {"size": "ATTRIBUTE_TYPE_INTEGER"}


def test_a_validation_file_is_read_for_its_schema(tmp_path: Path) -> None:
    (tmp_path / "s.perm").write_text(SCHEMA, encoding="utf-8")
    assert ast_of(tmp_path, "schema: s.perm\nrelationships: []\n") == ast_of(tmp_path, SCHEMA)


def test_pretty_is_the_same_over_many_lines(tmp_path: Path) -> None:
    short, pretty = ast_of(tmp_path, SCHEMA), ast_of(tmp_path, SCHEMA, "--pretty")
    assert short.count("\n") == 1
    assert pretty.count("\n") > 50
    assert json.loads(short) == json.loads(pretty)


@pytest.mark.parametrize("text", ["entity user {", "entity doc {\n  relation a @nobody\n}\n"])
def test_a_faulty_schema_is_explained(tmp_path: Path, text: str) -> None:
    path = tmp_path / "schema"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(show_ast, [str(path)], catch_exceptions=False)

    assert result.exit_code == 1
    assert "the schema is not valid" in result.stderr
    assert "^" in result.stderr


def test_a_missing_file_is_an_error_without_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(show_ast, [str(tmp_path / "x")], catch_exceptions=False)
    assert result.exit_code == 1
    assert "No such file" in result.stderr
