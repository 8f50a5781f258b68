"""Which questions this node is asked so often that it had better know the answers itself."""

from __future__ import annotations

from collections.abc import Hashable

_HOT_AT = 4
"""Times a question is passed on before its answer is kept near. Fewer keep more copies around the cluster."""
_MOST_COUNTED = 20_000  # questions counted in each of two generations, some 100 bytes each


class HotKeys:
    """Counts in two generations: of what was counted before the last 20 000 others, nothing is known any more."""

    def __init__(self) -> None:
        self._recent: dict[Hashable, int] = {}
        self._older: dict[Hashable, int] = {}

    def count(self, key: Hashable) -> bool:
        """Note that a question was passed on; True if it is hot."""
        times = (self._recent.get(key) or self._older.get(key, 0)) + 1
        self._recent[key] = times
        if len(self._recent) > _MOST_COUNTED:
            self._older, self._recent = self._recent, {}
        return times > _HOT_AT
