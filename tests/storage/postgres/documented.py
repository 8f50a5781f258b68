"""The statements that docs/scaling.md shows, so that what it says is what is tested."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"


def statements_with(word: str) -> str:
    """The one block of SQL with the word in it."""
    blocks = re.findall(r"^```sql\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (found,) = (block for block in blocks if word in block)
    return str(found)
