"""The program as users run it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
RINGWARD = "from cli.main import main; main()"
TIMEOUT_S = 60


@contextmanager
def started(
    *arguments: str, home: Path, code: str = RINGWARD, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The program with its output piped, at home in an empty folder; killed at the end if it still runs."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), **(environment or {})}
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=variables,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The program after it ended by itself."""
    with started(*arguments, home=home) as process:
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def read_until(process: subprocess.Popen[str], word: str, *, from_stderr: bool = False) -> str:
    """The first line with the word in it; fails if the output ends before."""
    stream = process.stderr if from_stderr else process.stdout
    assert stream is not None
    for line in stream:
        if word in line:
            return line
    raise AssertionError(f"no line with {word!r}")
