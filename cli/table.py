"""Tables for people: aligned columns, one line each row and never wrapped, so that they can be searched and cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cli.terminal import say


@dataclass(frozen=True, slots=True)
class Table:
    """heading: of each column; numbers are columns that align to the right. poor: rows that stand out, by number."""

    heading: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    poor: frozenset[int] = frozenset()

    def print(self) -> None:
        """Print the heading and the rows."""
        say(self._line(self.heading), style="bold")
        for number, row in enumerate(self.rows):
            say(self._line(row), style="red" if number in self.poor else "")

    def _line(self, row: Sequence[str]) -> str:
        widths = [max(len(each[column]) for each in (self.heading, *self.rows)) for column in range(len(row))]
        cells = (
            f"{cell:>{width}}" if column in self.numbers else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()
