"""``ringward coverage``: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.coverage import coverage

SMALL = """
schema: |
  entity user {}
  entity doc {
    relation viewer @user @user#friend
    attribute public boolean
    permission view = viewer or public
    permission edit = viewer
  }
relationships:
  - doc:1#viewer@user:1
scenarios:
  - name: people
    checks:
      - entity: doc:1
        subject: user:1
        assertions: {view: true}
""".replace("entity user {}", "entity user {\n    relation friend @user\n  }")


def run(folder: Path, *options: str, text: str = SMALL) -> Result:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(coverage, [str(path), *options], catch_exceptions=False)


def report(folder: Path, *options: str, text: str = SMALL) -> Any:
    result = run(folder, "--output=json", *options, text=text)
    assert result.exit_code == (1 if '"FAILED"' in result.stdout else 0)
    return json.loads(result.stdout)


def test_it_validates_then_tells_what_each_entity_lacks_and_the_totals(tmp_path: Path) -> None:
    result = run(tmp_path)

    assert result.exit_code == 0, result.output
    validation, _, told = result.stdout.partition("\ncoverage\n")
    assert "success: user:1 view doc:1" in validation
    assert "  user\n    relationships: 0%\n      uncovered: user#friend@user\n    attributes: 100%\n" in told
    assert "    relationships: 50%\n      uncovered: doc#viewer@user#friend\n" in told
    assert "    attributes: 0%\n      uncovered: doc#public\n" in told
    assert "    assertions of people: 50%\n      uncovered: doc#edit\n" in told
    assert told.endswith("total\n  relationships: 25%\n  attributes: 50%\n  assertions: 75%\n\nSUCCESS\n")


def test_an_entity_without_permissions_is_told_once_whatever_the_scenarios(tmp_path: Path) -> None:
    told = run(tmp_path, text=SMALL + "  - name: second\n").stdout
    assert told.count("    assertions: 100%\n") == 1
    assert told.count("assertions of ") == 2


@pytest.mark.parametrize(("kind", "percent"), [("relationships", 25), ("attributes", 50), ("assertions", 75)])
def test_a_threshold_fails_above_what_is_covered_and_not_at_it(tmp_path: Path, kind: str, percent: int) -> None:
    assert run(tmp_path, f"--coverage-{kind}", str(percent)).exit_code == 0

    result = run(tmp_path, f"--coverage-{kind}", str(percent + 1))
    assert result.exit_code == 1
    assert result.stdout.endswith(f"\n{kind} coverage < {percent + 1}%\n\nFAILED\n")


def test_all_missed_thresholds_are_told(tmp_path: Path) -> None:
    options = [f"--coverage-{kind}=90" for kind in ("relationships", "attributes", "assertions")]
    assert report(tmp_path, *options)["failures"] == [
        "relationships coverage < 90%",
        "attributes coverage < 90%",
        "assertions coverage < 90%",
    ]


def test_full_coverage_of_a_wrong_answer_fails(tmp_path: Path) -> None:
    wrong = SMALL.replace("view: true", "view: false")
    result = run(tmp_path, text=wrong)

    assert result.exit_code == 1
    assert "fail: user:1 view doc:1" in result.stdout
    assert result.stdout.endswith("\n1 of 1 assertions do not hold\n\nFAILED\n")


def test_machines_get_one_object_and_nothing_else(tmp_path: Path) -> None:
    told = report(tmp_path, "--coverage-assertions=75")

    assert told["result"] == "SUCCESS"
    assert told["total"] == {"relationships": 25, "attributes": 50, "assertions": 75}
    assert told["assertions"] == [{"scenario": "people", "question": "user:1 view doc:1", "result": "passed"}]
    assert told["entities"][1] == {
        "name": "doc",
        "relationships": {"percent": 50, "uncovered": ["doc#viewer@user#friend"]},
        "attributes": {"percent": 0, "uncovered": ["doc#public"]},
        "assertions": [{"scenario": "people", "percent": 50, "uncovered": ["doc#edit"]}],
    }


def test_a_file_that_cannot_be_used_is_exit_code_2(tmp_path: Path) -> None:
    result = run(tmp_path, "--output=json", text=SMALL.replace("= viewer or", "= veiwer or"))
    assert result.exit_code == 2
    assert "the schema is not valid" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("percent", ["-1", "101", "half"])
def test_a_threshold_is_a_percentage(tmp_path: Path, percent: str) -> None:
    result = run(tmp_path, f"--coverage-attributes={percent}")
    assert result.exit_code == 2
    assert "coverage-attributes" in result.stderr
