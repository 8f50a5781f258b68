"""The image without an engine: its own steps in clean folders, and what comes of them at work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.program import ROOT

PYTHON = "/usr/bin/python3"  # one that user 10001 may run too, wherever the one of the tests is


@contextmanager
def rehearsed() -> Iterator[Path]:
    """What the rehearsal leaves in its folder."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-rehearsal-", dir="/var/tmp"))
    environment = {**os.environ, "PYTHON": PYTHON}
    try:
        result = subprocess.run(
            [ROOT / "deploy" / "rehearse", folder], env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-6000:]
        assert "all is well" in result.stderr
        yield folder
    finally:
        shutil.rmtree(folder)


def test_the_steps_of_the_image_give_a_program_that_serves_and_a_bill_of_all_that_is_in_it() -> None:
    """One test, since there is one build for all of it."""
    with rehearsed() as built:
        ensure_a_bill_of_what_is_in_it_and_of_nothing_that_built_it(built)
        ensure_a_bill_of_the_crates(built)
        ensure_every_file_of_the_packages(built)


def ensure_a_bill_of_what_is_in_it_and_of_nothing_that_built_it(built: Path) -> None:
    bill = json.loads((built / "ringward" / "sbom.cdx.json").read_text(encoding="utf-8"))
    named = {component["name"] for component in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "ringward"
    assert {"grpcio", "asyncpg", "alembic", "ringward-native", "uvloop"} <= named
    assert not {"maturin", "pip", "setuptools", "pytest", "cyclonedx-bom"} & named


def ensure_a_bill_of_the_crates(built: Path) -> None:
    (bill,) = (built / "ringward" / "lib").glob("python3.*/site-packages/ringward_native-*.dist-info/sboms/*.json")
    named = {component["name"] for component in json.loads(bill.read_text(encoding="utf-8"))["components"]}
    assert {"hyper", "tokio", "pyo3", "rustls"} <= named


def ensure_every_file_of_the_packages(built: Path) -> None:
    (installed,) = (built / "ringward" / "lib").glob("python3.*/site-packages")
    folders = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()]
    packages = [name for name in folders if (ROOT / name / "__init__.py").exists()]
    names = subprocess.run(
        ["git", "ls-files", "--", *packages], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    missing = [name for name in names if (ROOT / name).exists() and not (installed / name).exists()]
    assert [name for name in missing if not name.endswith(".md")] == []
