"""Typed reading of a YAML tree: wrong shapes become complaints with line and path, and reading goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, TypeVar

from cli.config_sources import suggestion
from cli.located_yaml import YamlList, YamlMap, YamlNode, YamlScalar, plain
from model.errors import InvalidRequest

T = TypeVar("T")


class Field(NamedTuple):
    """A node and the path that leads to it, such as ``scenarios[2].checks[0]``; empty for the root."""

    path: str
    node: YamlNode


class FieldReader:
    """Reads fields of one file. Everything wrong is added to ``problems``; what cannot be read is left out."""

    def __init__(self, place: str) -> None:
        self.problems: list[str] = []
        self._place = place

    def complain(self, field: Field, complaint: str) -> None:
        """Add a problem that stands at a field."""
        path = f"{field.path}: " if field.path else ""
        self.problems.append(f"{self._place}:{field.node.line}: {path}{complaint}")

    def section(self, field: Field, known: Collection[str]) -> Mapping[str, Field]:
        """The fields of a map that have a value, by key; unknown keys are problems. Nothing there is the empty map."""
        fields = self.entries(field)
        for key in fields.keys() - set(known):
            self.complain(fields[key], f"unknown key{suggestion(key, known)}")
        return {key: entry for key, entry in fields.items() if key in known and not _is_absent(entry.node)}

    def entries(self, field: Field) -> Mapping[str, Field]:
        """The fields of a map with free keys, by key, those without a value too. Nothing there is the empty map."""
        if _is_absent(field.node):
            return {}
        if not isinstance(field.node, YamlMap):
            self.complain(field, f"expected keys with values, got {_describe(field.node)}")
            return {}
        prefix = f"{field.path}." if field.path else ""
        return {key: Field(prefix + key, node) for key, node in field.node.entries.items()}

    def items(self, field: Field | None) -> list[Field]:
        """The items of a list; nothing there is the empty list."""
        if field is None or _is_absent(field.node):
            return []
        if not isinstance(field.node, YamlList):
            self.complain(field, f"expected a list, got {_describe(field.node)}")
            return []
        return [Field(f"{field.path}[{index}]", node) for index, node in enumerate(field.node.items)]

    def text(self, field: Field) -> str:
        """A text as written."""
        if isinstance(field.node, YamlScalar) and not _is_absent(field.node):
            return field.node.text
        self.complain(field, f"expected a text, got {_describe(field.node)}")
        return ""

    def parsed(self, field: Field, parse: Callable[[str], T]) -> T | None:
        """What ``parse`` makes of a text; its InvalidRequest becomes a problem."""
        if not (text := self.text(field)):
            return None
        try:
            return parse(text)
        except InvalidRequest as error:
            self.complain(field, str(error))
            return None

    def required(self, section: Field, field: Field | None, name: str, parse: Callable[[str], T]) -> T | None:
        """As ``parsed``; a field that is not there is a problem of its section."""
        if field is None:
            self.complain(section, f"{name} is missing")
            return None
        return self.parsed(field, parse)

    def truth(self, field: Field) -> bool | None:
        """True or false."""
        if isinstance(field.node, YamlScalar) and isinstance(field.node.value, bool):
            return field.node.value
        self.complain(field, f"expected true or false, got {_describe(field.node)}")
        return None

    def integer(self, field: Field) -> int | None:
        """A whole number."""
        value = field.node.value if isinstance(field.node, YamlScalar) else None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self.complain(field, f"expected a whole number, got {_describe(field.node)}")
        return None


def _is_absent(node: YamlNode) -> bool:
    return isinstance(node, YamlScalar) and node.value is None


def _describe(node: YamlNode) -> str:
    match node:
        case YamlScalar():
            return repr(plain(node)) if node.value is not None else "nothing"
        case YamlList():
            return "a list"
        case YamlMap():
            return "a map"
