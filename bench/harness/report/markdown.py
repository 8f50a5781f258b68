"""A report as Markdown: text and tables, which hold every figure the plots of the page show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import assert_never

from bench.harness.report.document import Cell, Document, Mark, Marked, Section, Table, Valued


def markdown(document: Document) -> str:
    """The document, ending in a newline."""
    return "\n\n".join(_blocks(document)) + "\n"


def _blocks(document: Document) -> Iterator[str]:
    yield f"# {_text(document.title)}"
    yield "\n".join(f"- {_text(name)}: {_text(value)}" for name, value in document.facts)
    for warning in document.warnings:
        yield f"**{_text(warning)}**"
    for section in document.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"## {_text(section.title)}"
    yield from map(_text, section.text)
    for exhibit in section.exhibits:
        if exhibit.table.caption:
            yield f"### {_text(exhibit.table.caption)}"
        yield _table(exhibit.table)


def _table(table: Table) -> str:
    ruler = "".join("--:|" if column.number else "--|" for column in table.columns)
    lines = [_row(tuple(column.title for column in table.columns)), f"|{ruler}", *map(_row, table.rows)]
    return "\n".join(lines)


def _row(cells: tuple[Cell, ...]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(cell: Cell) -> str:
    match cell:
        case Marked(text, Mark.BAD):
            return f"**{_text(text)}**"
        case Marked(text, _):
            return _text(text)
        case Valued(text, spread):
            return f"{_text(text)} ({_text(spread)})"
        case str():
            return _text(cell)
    assert_never(cell)


def _text(text: str) -> str:
    """On one line, with nothing in it that Markdown would take for its own."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(text.split()))
