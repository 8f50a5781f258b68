"""The three ways a part of a check can end, ordered by truth, so that the operators are arithmetic.

DENIED < FAILED < ALLOWED: a union is the greatest of its operands, an intersection the least, and taking something
away is an intersection with its mirror image. This is Kleene's strong logic with failure as the unknown, and it is
what makes a decided branch beat a failed one whatever arrived first.
"""

from __future__ import annotations

from typing import Final

DENIED: Final = 0
FAILED: Final = 1
ALLOWED: Final = 2

Outcome = int  # one of the three; a plain int, since the walk compares it several times per node
