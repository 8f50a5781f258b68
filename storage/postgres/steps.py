"""The steps of migration this version brings, as far as their file names tell: ``0001_tables.py`` is number 1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "migrations" / "versions"


def files_by_number(folder: Path = FOLDER) -> Mapping[int, str]:
    """File names by number, in order; numbers begin at 1 and leave none out."""
    return {int(path.name[:4]): path.name for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.py"))}


def revision_of(number: int) -> str:
    """How Alembic calls a step."""
    return f"{number:04d}"
