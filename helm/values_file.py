"""The chart's ``values.yaml`` as documentation: each value with its place, its default and the comment above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).parent / "ringward" / "values.yaml"


class Undocumented(ValueError):
    """A value without a comment above it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value. place: its keys from the root. is_section: others stand below it, and it has no default of its own.

    A mapping written in braces is a value, one written over several lines a section.
    """

    place: tuple[str, ...]
    comment: str
    is_section: bool = False
    default: Any = None

    @property
    def key(self) -> str:
        """The place as people write it: ``cluster.keySecret.name``."""
        return ".".join(self.place)


def entries(text: str) -> list[Entry]:
    """All values and commented sections, in their order. Raises Undocumented for a value without a comment."""
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise TypeError("values are a mapping")
    return list(_entries(root, (), text.splitlines()))


def _entries(section: yaml.MappingNode, above: tuple[str, ...], lines: list[str]) -> Iterator[Entry]:
    for name, value in section.value:
        place, comment = (*above, name.value), _comment_above(lines, name.start_mark.line)
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield Entry(place, comment, is_section=True)
            yield from _entries(value, place, lines)
            continue
        if not comment:
            raise Undocumented(f"{PATH.name}:{name.start_mark.line + 1}: {name.value} has no comment above it")
        yield Entry(place, comment, default=yaml.safe_load(yaml.serialize(value, Dumper=yaml.SafeDumper)))


def _comment_above(lines: list[str], line: int) -> str:
    found: list[str] = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        found.insert(0, lines[line].strip().removeprefix("#").strip())
    return " ".join(found)
