"""YAML with lines: values, places, and what is refused."""

from __future__ import annotations

import pytest

from cli import located_yaml
from cli.located_yaml import YamlList, YamlMap, YamlScalar, plain, read_yaml
from model.errors import InvalidRequest


def test_values_know_their_text_and_their_line() -> None:
    root = read_yaml("a: 1\nb:\n  - 0x10\n  - 'x'\n", name="f")

    assert isinstance(root, YamlMap)
    assert root.lines == {"a": 1, "b": 2}
    assert root.entries["a"] == YamlScalar("1", 1, 1)
    assert isinstance(root.entries["b"], YamlList)
    assert root.entries["b"].items == (YamlScalar("0x10", 16, 3), YamlScalar("x", "x", 4))
    assert plain(root) == {"a": 1, "b": [16, "x"]}


def test_an_empty_document_is_nothing() -> None:
    assert read_yaml("# only a comment\n", name="f") == YamlScalar("", None, 1)


def test_a_date_stays_the_text_it_was() -> None:
    assert plain(read_yaml("on: 2024-05-06", name="f")) == {"on": "2024-05-06"}


def test_anchors_are_followed() -> None:
    assert plain(read_yaml("a: &x [1]\nb: *x\n", name="f")) == {"a": [1], "b": [1]}


def test_maps_are_merged_and_their_own_entries_count_first() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  a: 3\n  <<: [*x, *y]\nw: {<<: *x}\n'<<': text\n"
    root = read_yaml(text, name="f")

    assert isinstance(root, YamlMap)
    assert plain(root.entries["z"]) == {"a": 3, "b": 1, "c": 2}
    assert plain(root.entries["w"]) == {"a": 1, "b": 1}
    assert plain(root.entries["<<"]) == "text"


def test_anchors_cannot_multiply_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(located_yaml, "_MOST_VALUES", 1000)
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]

    assert read_yaml("\n".join(["a0: &a0 x", *levels[:2]]), name="f")
    with pytest.raises(InvalidRequest, match="more than 1000 values"):
        read_yaml("\n".join(["a0: &a0 x", *levels]), name="f")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1\nb: 2", "f:2: not valid YAML"),
        ("a: 1\nb: 2\na: 3", "f:3: 'a' is given twice"),
        ("a: &x\n  - *x\n", "f:1: a value contains itself"),
        ("a:\n  <<: 3\n", "f:2: only maps can be merged"),
        ("? [1, 2]\n: 3", "f:1: a key must be a word"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("a: !!python/object:os.system x", "f:1: cannot read 'x'"),
        ("a: 2024-13-45", "f:1: cannot read '2024-13-45'"),
        ("a: \x07", "not valid YAML"),
    ],
)
def test_what_is_refused_is_refused_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        read_yaml(text, name="f")
