"""A report as one HTML page with nothing outside it: style and drawings are inside, and it asks no network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import assert_never

from bench.harness.report.document import Cell, Column, Document, Exhibit, Marked, Section, Table, Valued
from bench.harness.report.plots import drawn

_WIDE = 6  # columns; so many find no place beside a plot
_STYLE = Path(__file__).with_name("page.css")


def page(document: Document) -> str:
    """The document."""
    title = escape(document.title)
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{title}</h1>",
            *_head(document),
            *(line for number, section in enumerate(document.sections) for line in _section(number, section)),
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def _head(document: Document) -> Iterator[str]:
    yield "<dl>"
    for name, value in document.facts:
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    for warning in document.warnings:
        yield f'<p class="warning">{escape(warning)}</p>'
    links = (f'<li><a href="#s{n}">{escape(each.title)}</a></li>' for n, each in enumerate(document.sections))
    yield f'<nav aria-label="Sections"><ul>{"".join(links)}</ul></nav>'


def _section(number: int, section: Section) -> Iterator[str]:
    heading = f'<h2 id="s{number}">{escape(section.title)}</h2>'
    if section.folded:
        yield f"<details><summary>{heading}</summary>"
    else:
        yield f'<section aria-labelledby="s{number}">{heading}'
    for text in section.text:
        yield f"<p>{escape(text)}</p>"
    for place, exhibit in enumerate(section.exhibits):
        yield from _exhibit(f"s{number}-{place}", section, exhibit)
    yield "</details>" if section.folded else "</section>"


def _exhibit(name: str, section: Section, exhibit: Exhibit) -> Iterator[str]:
    title = exhibit.table.caption or section.title
    if exhibit.table.caption:
        yield f"<h3>{escape(exhibit.table.caption)}</h3>"
    yield '<div class="exhibit">'
    for number, picture in enumerate(exhibit.pictures):
        drawing = drawn(picture, f"{name}-{number}", f"{title}: {picture.title}. The table below has the figures.")
        caption = f"<figcaption>{escape(picture.title)}</figcaption>" if len(exhibit.pictures) > 1 else ""
        yield f"<figure>{caption}{drawing}</figure>"
    yield from _table(exhibit.table, title)
    yield "</div>"


def _table(table: Table, label: str) -> Iterator[str]:
    """In a frame that scrolls by itself where the page is too narrow, also by keyboard."""
    kind = "scroll" if len(table.columns) < _WIDE else "scroll wide"
    yield f'<div class="{kind}" role="region" tabindex="0" aria-label="{escape(label)}"><table>'
    yield f"<thead><tr>{''.join(map(_heading, table.columns))}</tr></thead><tbody>"
    for cells in table.rows:
        first, *others = (_cell(cell) for cell in cells)
        figures = (f"<td{_class(column)}>{cell}</td>" for column, cell in zip(table.columns[1:], others, strict=True))
        yield f'<tr><th scope="row">{first}</th>{"".join(figures)}</tr>'
    yield "</tbody></table></div>"


def _heading(column: Column) -> str:
    title = escape(column.title).replace(", ", ",&nbsp;")  # a unit stays with what it is of
    return f'<th scope="col"{_class(column)}>{title}</th>'


def _class(column: Column) -> str:
    return ' class="number"' if column.number else ""


def _cell(cell: Cell) -> str:
    match cell:
        case Marked(text, mark):
            return f'<span class="mark {mark.value}">{escape(text)}</span>'
        case Valued(text, spread):
            return f"{escape(text)}<small>{escape(spread)}</small>"
        case str():
            return escape(cell)
    assert_never(cell)
