"""What a program written in Go says of itself in its file: peers built from source know no version of their own."""

from __future__ import annotations

import mmap
import re
from pathlib import Path


def go_version(program: Path, module: str) -> str:
    """The version of the module a program was built from; ``unknown`` if the file does not tell."""
    pattern = rb"\n(?:mod|dep)\t" + re.escape(module.encode()) + rb"\t(v[0-9][^\t\n]*)"
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = re.search(pattern, content)
        return found[1].decode() if found else "unknown"
