"""Reports as Markdown."""

from __future__ import annotations

from bench.harness.report.document import (
    Axis,
    Column,
    Document,
    Exhibit,
    Line,
    Mark,
    Marked,
    Plot,
    Point,
    Section,
    Table,
    Valued,
)
from bench.harness.report.markdown import markdown

PLOT = Plot("drawn", Axis("x"), Axis("y"), (Line("one", 0, (Point(1, 2, 1, 3),)),))
TABLE = Table(
    "a table",
    (Column("what"), Column("figure", number=True)),
    (("plain", Valued("2", "1 to 3")), (Marked("good", Mark.GOOD), Marked("bad", Mark.BAD))),
)


def test_a_report_is_headings_text_and_tables() -> None:
    report = Document(
        "Title", (("machine", "here"),), ("Beware.",), (Section("Part", ("Some text.",), (Exhibit((PLOT,), TABLE),)),)
    )
    assert markdown(report) == (
        "# Title\n\n- machine: here\n\n**Beware.**\n\n## Part\n\nSome text.\n\n### a table\n\n"
        "| what | figure |\n|--|--:|\n| plain | 2 (1 to 3) |\n| good | **bad** |\n"
    )


def test_what_markdown_would_take_for_its_own_is_escaped() -> None:
    table = Table("", (Column("a|b"),), (("*x* <b> `c` [d](e)",), ("two\nlines",)))
    text = markdown(Document("t", (), (), (Section("s", exhibits=(Exhibit((), table),)),)))
    assert "| a\\|b |" in text
    assert "| \\*x\\* \\<b\\> \\`c\\` \\[d\\](e) |" in text
    assert "| two lines |" in text


def test_a_table_without_a_caption_has_no_heading_of_its_own() -> None:
    table = Table("", (Column("a"),), (("b",),))
    assert "###" not in markdown(Document("t", (), (), (Section("s", exhibits=(Exhibit((), table),)),)))
