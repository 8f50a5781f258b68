"""``ringward validate``: what it prints and how it exits."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.validate import validate

SAMPLE = Path(__file__).parents[2] / "examples" / "drive.yaml"

SMALL = """
schema: |
  entity user {}
  entity doc {
    relation viewer @user
    permission view = viewer
  }
relationships:
  - doc:1#viewer@user:1
scenarios:
  - name: people
    checks:
      - entity: doc:1
        subject: user:1
        assertions: {view: true}
"""


def run(*sources: Path | str) -> Result:
    return CliRunner().invoke(validate, [str(source) for source in sources], catch_exceptions=False)


def write(folder: Path, text: str) -> Path:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_sample_holds() -> None:
    result = run(SAMPLE)
    assert result.exit_code == 0, result.output
    assert "success: user:ben view document:budget" in result.stdout
    assert "SUCCESS" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_failed_assertion_tells_question_expectation_and_answer(tmp_path: Path) -> None:
    result = run(write(tmp_path, SMALL.replace("view: true", "view: false")))

    assert result.exit_code == 1
    assert "  checks:\n    fail: user:1 view doc:1\n      expected: denied\n      actual:   allowed\n" in result.stdout
    assert "/f.yaml:15: people: user:1 view doc:1 (failed)" in result.stdout
    assert result.stdout.rstrip().endswith("FAILED: 0 of 1 assertions hold")


def test_a_question_that_cannot_be_answered_fails_with_its_error(tmp_path: Path) -> None:
    result = run(write(tmp_path, SMALL.replace("{view: true}", "{fly: false}")))
    assert result.exit_code == 1
    assert "error:" in result.stdout
    assert "(broken)" in result.stdout


def test_filters_are_answered_whole_however_many_pages_it_takes(tmp_path: Path) -> None:
    documents = [str(number) for number in range(2500)]
    relationships = "".join(f"  - doc:{number}#viewer@user:1\n  - doc:1#viewer@user:{number}\n" for number in documents)
    filters = (
        "    entity_filters:\n      - {entity_type: doc, subject: 'user:1', assertions: {view: EXPECTED}}\n"
        "    subject_filters:\n      - {entity: 'doc:1', subject_reference: user, assertions: {view: EXPECTED}}\n"
    )
    text = SMALL.replace("scenarios:", f"{relationships}scenarios:") + filters.replace("EXPECTED", str(documents))
    result = run(write(tmp_path, text))
    assert result.exit_code == 0, result.stdout[-2000:]


def test_a_filter_that_fails_tells_what_is_missing_and_what_is_too_many(tmp_path: Path) -> None:
    filters = "    entity_filters:\n      - {entity_type: doc, subject: 'user:1', assertions: {view: ['2']}}\n"
    result = run(write(tmp_path, SMALL + filters))

    assert result.exit_code == 1
    told = "  entity_filters:\n    fail: user:1 view doc\n      expected: [2]\n      actual:   [1]\n"
    assert told + "      missing:  [2]\n      too many: [1]\n" in result.stdout
    assert result.stdout.rstrip().endswith("FAILED: 1 of 2 assertions hold")


def test_a_faulty_schema_is_shown_with_a_caret(tmp_path: Path) -> None:
    result = run(write(tmp_path, SMALL.replace("= viewer", "= veiwer")))

    assert result.exit_code == 2
    assert "the schema is not valid" in result.stderr
    assert "permission view = veiwer" in result.stderr
    assert "^" in result.stderr


@pytest.mark.parametrize("relationship", ["doc:1#owner@user:1", "doc:1#viewer@doc:2"])
def test_data_that_does_not_fit_the_schema_makes_the_file_unusable(tmp_path: Path, relationship: str) -> None:
    result = run(write(tmp_path, SMALL.replace("doc:1#viewer@user:1", relationship)))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: relationship {relationship}: ")
    assert result.stdout == ""


def test_an_unusable_file_lists_all_its_problems(tmp_path: Path) -> None:
    result = run(write(tmp_path, "schema: 'entity user {}'\nrelatoinships: []\nscenarios: 3\n"))

    assert result.exit_code == 2
    assert "relatoinships: unknown key; did you mean relationships?" in result.stderr
    assert "scenarios: expected a list, got 3" in result.stderr
    assert "Traceback" not in result.output


def test_of_several_files_the_worst_decides(tmp_path: Path) -> None:
    result = run(SAMPLE, tmp_path / "missing.yaml")
    assert result.exit_code == 2
    assert "SUCCESS" in result.stdout
    assert "No such file" in result.stderr


def test_a_file_larger_than_a_write_is_loaded_whole(tmp_path: Path) -> None:
    more = "".join(f"  - doc:{number}#viewer@user:1\n" for number in range(2500))
    text = SMALL.replace("scenarios:", f"{more}scenarios:").replace("entity: doc:1\n", "entity: doc:2499\n")
    result = run(write(tmp_path, text))
    assert result.exit_code == 0, result.output
