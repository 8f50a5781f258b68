"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
from pathlib import Path


def machine() -> str:
    """One line: commit, processor, cores, Python."""
    return f"commit {_commit()}, {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def peak_memory_mb() -> float:
    """The most memory this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    return found.stdout.strip() or "unknown"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())
