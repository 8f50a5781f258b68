"""The action ``validate``: its steps by a real shell, with the real program, as a runner of GitHub runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from cli.version import installed_version
from tests.cli.program import ROOT

ACTION = ROOT / ".github" / "actions" / "validate"
GOOD = (ROOT / "examples" / "drive.yaml").read_text(encoding="utf-8")
HOLDS_NOT = """\
schema: |
  entity user {}
  entity doc {
    relation owner @user
    permission view = owner
  }
relationships:
  - "doc:1#owner@user:1"
scenarios:
  - name: strangers, 100% of them
    checks:
      - entity: "doc:1"
        subject: "user:1"
        assertions:
          view: false
"""


@dataclass(frozen=True)
class Ended:
    """What became of a step. annotations: the commands to GitHub it printed."""

    code: int
    annotations: list[str]
    outputs: dict[str, str]
    summary: str


def validated(folder: Path, files: str) -> Ended:
    """What the step says of files, in a folder that is the user's repository."""
    output, summary = folder / ".output", folder / ".summary"
    for place in (output, summary):
        place.write_text("", encoding="utf-8")
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    program = programs / "ringward"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from cli.main import main; main()" "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FILES": files,
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    result = subprocess.run(
        [ACTION / "validate"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    pairs = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
    told = [line for line in result.stdout.splitlines() if line.startswith("::")]
    return Ended(result.returncode, told, pairs, summary.read_text(encoding="utf-8"))


def test_what_holds_is_told_in_outputs_and_summary(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for place in ("one.yaml", "deep/two words.yaml", "deep/er/three.yaml"):
        (tmp_path / place).write_text(GOOD, encoding="utf-8")
    ended = validated(tmp_path, "one.yaml\n**/*.yaml\n\n")
    assert (ended.code, ended.annotations) == (0, [])
    assert ended.outputs["result"] == "passed"
    assert ended.outputs["held"] == ended.outputs["assertions"]
    assert int(ended.outputs["held"]) % 4 == 0, "one of four files is named twice"
    assert "### deep/two words.yaml" in ended.summary
    assert "SUCCESS" in ended.summary


def test_an_assertion_that_does_not_hold_is_marked_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HOLDS_NOT, encoding="utf-8")
    ended = validated(tmp_path, "a.yaml")
    assert ended.code == 1
    assert ended.annotations == [
        "::error file=a.yaml,line=15,title=ringward validate::strangers, 100%25 of them: user:1 view doc:1 (failed)"
    ]
    assert ended.outputs == {"result": "failed", "assertions": "1", "held": "0"}


def test_what_is_wrong_with_a_file_is_marked_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HOLDS_NOT.replace("relationships:", "relations:"), encoding="utf-8")
    ended = validated(tmp_path, "a.yaml")
    assert ended.code == 2
    assert ended.annotations[0].startswith("::error file=a.yaml,line=8,title=ringward validate::relations: unknown key")
    assert ended.outputs["result"] == "unusable"


def test_what_is_wrong_with_a_schema_is_marked_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HOLDS_NOT.replace("view = owner", "view = ownr"), encoding="utf-8")
    ended = validated(tmp_path, "a.yaml")
    assert ended.code == 2
    assert ended.annotations == ["::error file=a.yaml,line=5,title=ringward validate::undefined relation reference"]


def test_the_worst_of_several_files_counts(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(HOLDS_NOT, encoding="utf-8")
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    ended = validated(tmp_path, "bad.yaml\ngood.yaml")
    assert ended.code == 1
    assert int(ended.outputs["assertions"]) == int(ended.outputs["held"]) + 1


def test_files_that_are_not_there_are_marked(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    ended = validated(tmp_path, "good.yaml\nnone/*.yaml\nnone.yaml")
    assert ended.code == 2
    assert [line.partition(",")[0] for line in ended.annotations] == [
        "::error file=none/*.yaml",
        "::error file=none.yaml",
    ]
    assert validated(tmp_path, " \n").code == 2


def test_names_of_files_are_no_code(tmp_path: Path) -> None:
    validated(tmp_path, "$(touch hacked)\n`touch hacked`\n; touch hacked")
    assert not (tmp_path / "hacked").exists()


def test_the_program_of_the_same_commit_is_installed(tmp_path: Path) -> None:
    """From a checkout of the repository, as a runner makes one for the action; of its lock one package will do here."""
    checkout = tmp_path / "checkout"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        if not name.startswith(("tests/", "docs/", "helm/")) and (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (click,) = re.findall(r"^click==.*?(?=^[a-z])", lock, re.MULTILINE | re.DOTALL)
    (checkout / "requirements.txt").write_text(click, encoding="utf-8")
    path = tmp_path / "path"
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_PATH": str(path),
        "GITHUB_ACTION_PATH": str(checkout / ".github" / "actions" / "validate"),
    }
    subprocess.run([ACTION / "install"], env=environment, check=True, timeout=600)
    program = Path(path.read_text(encoding="utf-8").strip()) / "ringward"
    told = subprocess.run([program, "--version"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60)
    assert told.stdout == f"v{installed_version()}\n"


def test_its_steps_are_these_scripts_and_put_nothing_of_the_user_into_a_command() -> None:
    action = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
    steps = action["runs"]["steps"]
    assert [step["run"] for step in steps] == ["$GITHUB_ACTION_PATH/install", "$GITHUB_ACTION_PATH/validate"]
    assert set(action["outputs"]) == {"result", "assertions", "held"}
