"""Workflows and the image's Dockerfile, as far as they can be checked without GitHub and without an engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.program import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / ".github" / "actions" / "validate" / "action.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"


def workflows() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


def jobs_of(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    return found


def steps_of(file: Path) -> Iterator[dict[str, Any]]:
    for job in jobs_of(file).values():
        yield from job["steps"]


def valid(schema: str, *files: Path) -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    subprocess.run(words, check=True)


def test_there_are_three() -> None:
    assert [file.stem for file in WORKFLOWS] == ["chart", "image", "test"]


def test_they_are_what_github_says() -> None:
    valid("github-workflows", *WORKFLOWS)
    valid("github-actions", ACTION)


def test_actionlint_has_nothing_against_them() -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "ringward" / "actionlint-1.7.12" / "actionlint"
    assert program.exists(), "actionlint is needed: .ci/install-servers builds it"
    subprocess.run([program, *WORKFLOWS], check=True)


@workflows()
def test_a_workflow_may_read_and_a_job_that_publishes_says_what_more_it_needs(file: Path) -> None:
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}
    for name, job in jobs_of(file).items():
        assert ("permissions" in job) is (name == "publish")
        assert job["timeout-minutes"] <= 120
        if name == "publish":
            assert job["if"] == "startsWith(github.ref, 'refs/tags/v')"


@workflows()
def test_actions_have_a_version_and_leave_no_credentials_behind(file: Path) -> None:
    for step in steps_of(file):
        if not (used := step.get("uses")):
            continue
        assert used.startswith("./") or re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+", used), used
        if used.startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        if used.startswith("./"):
            assert (ROOT / used / "action.yml").exists()


@workflows()
def test_what_they_have_make_do_it_can_do(file: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for step in steps_of(file):
        for target in re.findall(r"^make ([a-z]+)", step.get("run", ""), re.MULTILINE):
            assert target in targets


@workflows()
def test_files_they_name_are_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for name in re.findall(r"(?:deploy|helm|examples|tests)/[\w./-]+\w", text):
        assert name == "deploy/.env" or (ROOT / name).exists(), name


@workflows()
def test_nothing_from_outside_is_put_into_a_command(file: Path) -> None:
    for step in steps_of(file):
        assert "${{" not in step.get("run", "")


def test_the_image_is_built_as_hadolint_would_have_it() -> None:
    subprocess.run([Path(sys.executable).with_name("hadolint"), DOCKERFILE], check=True)


def test_shell_scripts_have_no_slip() -> None:
    scripts = [
        ROOT / "deploy/image/build",
        ROOT / "deploy/rehearse",
        *(ACTION.parent / n for n in ("install", "validate")),
    ]
    subprocess.run(["shellcheck", *scripts], check=True)


def test_the_image_has_all_that_is_packaged_and_nothing_else_of_the_repository() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    copied = {word for line in re.findall(r"^COPY ([^-].*)$", text, re.MULTILINE) for word in line.split()[:-1]}
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert copied == set(allowed)
    packaged = {name.parent.name for name in ROOT.glob("*/__init__.py")} - {"tests", "helm"}
    assert packaged < copied


def test_the_locks_of_the_image_name_no_registry_and_have_a_hash_for_each() -> None:
    for lock in (ROOT / "requirements.txt", ROOT / "deploy" / "image" / "requirements.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.split(r"^(?=[a-z0-9].*==)", text, flags=re.MULTILINE)[1:]
        assert len(pins) > 15
        assert all("--hash=sha256:" in pin for pin in pins)
