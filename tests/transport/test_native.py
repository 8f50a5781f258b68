"""The native transport's own tests, in Rust."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"


@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no Rust toolchain")
def test_the_tests_in_rust_pass() -> None:
    command = ["cargo", "test", "--locked", "--quiet", "--lib"]
    ran = subprocess.run(command, cwd=NATIVE, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 failed" in ran.stdout
