"""YAML read so that each value knows its line: complaints can then say where to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from model.errors import InvalidRequest

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]

_MOST_VALUES = 4_000_000  # more than any file of today has, and an end to anchors that multiply each other
_MERGE = "tag:yaml.org,2002:merge"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser, ten times as fast, where libyaml is built in


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """One value: its text as written, unquoted, and what YAML takes it for. ``value`` None means nothing is there."""

    text: str
    value: str | int | float | bool | None
    line: int


@dataclass(frozen=True, slots=True)
class YamlList:
    """Items in order."""

    items: tuple[YamlNode, ...]
    line: int


@dataclass(frozen=True, slots=True)
class YamlMap:
    """Entries in order, keys as written; lines: where each key stands."""

    entries: Mapping[str, YamlNode]
    lines: Mapping[str, int]
    line: int


YamlNode = YamlScalar | YamlList | YamlMap


def read_yaml(text: str, *, name: str) -> YamlNode:
    """The tree of one document; an empty document is an empty scalar.

    Raises InvalidRequest, starting with ``name:line:``, for text that is not YAML, for a key given twice, for a
    value that contains itself and for more than four million values, anchors followed.
    """
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidRequest(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InvalidRequest(f"{name}:1: not valid YAML: {error}") from error
    finally:
        loader.dispose()
    return _Reader(name).read(root) if root is not None else YamlScalar("", None, 1)


def plain(node: YamlNode) -> Plain:
    """The tree as ordinary lists, dicts and scalars."""
    match node:
        case YamlScalar():
            return node.value
        case YamlList():
            return [plain(item) for item in node.items]
        case YamlMap():
            return {key: plain(value) for key, value in node.entries.items()}


class _Reader:
    """Turns the parser's nodes into ours; ``enclosing`` are the nodes being read, to notice a value inside itself."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._enclosing: set[int] = set()
        self._values = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def read(self, node: yaml.Node) -> YamlNode:
        line = node.start_mark.line + 1
        self._values += 1
        if self._values > _MOST_VALUES:
            raise InvalidRequest(f"{self._name}:{line}: more than {_MOST_VALUES} values; do anchors repeat each other?")
        if isinstance(node, yaml.ScalarNode):
            return YamlScalar(node.value, self._value(node), line)
        if id(node) in self._enclosing:
            raise InvalidRequest(f"{self._name}:{line}: a value contains itself")
        self._enclosing.add(id(node))
        try:
            return self._collection(node, line)
        finally:
            self._enclosing.discard(id(node))

    def _collection(self, node: yaml.Node, line: int) -> YamlNode:
        if isinstance(node, yaml.SequenceNode):
            return YamlList(tuple(self.read(item) for item in node.value), line)
        entries: dict[str, YamlNode] = {}
        lines: dict[str, int] = {}
        merged: list[YamlNode] = []
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged.append(self.read(value_node))
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise InvalidRequest(f"{self._name}:{key_line}: a key must be a word")
            if key_node.value in entries:
                raise InvalidRequest(f"{self._name}:{key_line}: {key_node.value!r} is given twice")
            entries[key_node.value] = self.read(value_node)
            lines[key_node.value] = key_line
        for source in self._maps_in(merged):
            entries = {**source.entries, **entries}
            lines = {**source.lines, **lines}
        return YamlMap(entries, lines, line)

    def _maps_in(self, merged: Sequence[YamlNode]) -> Iterator[YamlMap]:
        """The maps that ``<<`` names, one or a list; an entry of the map itself or of an earlier one counts."""
        for node in merged:
            match node:
                case YamlMap():
                    yield node
                case YamlList(items=items):
                    yield from self._maps_in(items)
                case YamlScalar(line=line):
                    raise InvalidRequest(f"{self._name}:{line}: only maps can be merged")

    def _value(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-45
            line = node.start_mark.line + 1
            raise InvalidRequest(f"{self._name}:{line}: cannot read {node.value!r}") from error
        return value if value is None or isinstance(value, str | int | float | bool) else str(node.value)
