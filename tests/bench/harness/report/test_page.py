"""The page: whole, readable without a network, by keyboard and by those who do not see it, in light and in dark."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from bench.harness.report.contents import document
from bench.harness.report.document import Column, Document, Exhibit, Mark, Marked, Section, Table, Valued
from bench.harness.report.page import page
from bench.harness.report.plots import COLOURS
from bench.harness.results import BenchRun
from bench.harness.targets import Target, Targets
from tests.support.bench_results import bench_run, row, sample
from tests.support.html_page import Page, taken_apart

TARGETS = Targets((Target("cached", "ringward", "because", at_most={"cpu_us": 80.0}),))


@pytest.fixture(scope="module")
def html() -> str:
    systems = ("ringward", "openfga")
    samples = [sample(spread=0.4, seed=n) for n in range(3)]
    run = bench_run(
        *(row(system=each, samples=samples) for each in systems),
        *(row("mixed", each, samples, loop="open", rate_per_s=1_000.0) for each in systems),
        *(row("nesting", each, samples, parameters={"depth": depth}) for each in systems for depth in (1, 5)),
        complete=False,
    )
    return page(document(run, TARGETS))


@pytest.fixture(scope="module")
def whole(html: str) -> Page:
    return taken_apart(html)


def shown(*sections: Section, warnings: tuple[str, ...] = ()) -> Page:
    return taken_apart(page(Document("Title", (), warnings, sections)))


def test_it_is_a_page_with_a_language_and_a_title(html: str, whole: Page) -> None:
    assert html.startswith("<!doctype html>\n")
    assert whole.one("html").attributes["lang"] == "en"
    assert whole.one("title").text == whole.one("h1").text == "Ringward benchmarks"


def test_it_asks_nothing_of_any_network(html: str, whole: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object", "base"} & {each.tag for each in whole.elements}
    references = [
        each.attributes[name]
        for each in whole.elements
        for name in ("href", "src", "xlink:href")
        if name in each.attributes
    ]
    assert references
    assert all(reference.startswith("#") for reference in references)
    assert "url(h" not in html
    assert "@import" not in html


def test_ids_are_unique_and_every_link_leads_somewhere(html: str, whole: Page) -> None:
    ids = [each.attributes["id"] for each in whole.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    assert {
        target for pair in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', html) for target in pair if target
    } <= set(ids)


def test_the_contents_name_every_section(whole: Page) -> None:
    links = [each.text for each in whole.all("a")]
    assert links == [each.text for each in whole.all("h2")]
    assert "Latency at a rate" in links


def test_headings_go_down_one_step_at_a_time(whole: Page) -> None:
    levels = [int(each.tag[1]) for each in whole.elements if re.fullmatch(r"h[1-6]", each.tag)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_every_drawing_has_a_label_and_a_table_with_it(whole: Page) -> None:
    drawings = whole.all("svg")
    assert len(drawings) == 5  # a curve, throughput and cost, and two over the depth
    assert all(each.attributes["role"] == "img" and each.attributes["aria-label"] for each in drawings)
    assert all("figure" in each.within for each in drawings)
    assert len(whole.all("table")) >= 4


def test_every_table_has_headings_and_scrolls_by_keyboard(whole: Page) -> None:
    tables = whole.all("table")
    frames = [each for each in whole.all("div", role="region", tabindex="0") if each.attributes["aria-label"]]
    assert len(frames) == len(tables)
    assert len(whole.all("thead")) == len(tables)
    assert all(each.attributes["scope"] in {"col", "row"} for each in whole.all("th"))


def test_a_run_that_was_stopped_says_so_before_all_sections(html: str) -> None:
    assert html.index("stopped before its end") < html.index("<section")


def test_everything_measured_is_folded(whole: Page) -> None:
    assert whole.one("summary").text == "Everything measured"


def test_what_is_hostile_stays_text() -> None:
    bad = '<script>alert("1")</script>'
    table = Table(bad, (Column(bad), Column(bad, number=True)), ((bad, Marked(bad, Mark.BAD)), (Valued(bad, bad), bad)))
    found = shown(Section(bad, (bad,), (Exhibit((), table),)), warnings=(bad,))
    assert found.all("script") == []
    assert found.one("h2").text == bad
    assert [each.text for each in found.all("td")] == [bad, bad]
    hostile = bench_run(row(bad, bad, parameters={bad: bad}), measures={bad: 1.0}, machine=bad)
    assert taken_apart(page(document(hostile, Targets()))).all("script") == []


def test_a_cell_says_in_words_what_its_colour_says() -> None:
    table = Table("", (Column("a"), Column("b")), (("x", Marked("missed", Mark.BAD)),))
    found = shown(Section("s", exhibits=(Exhibit((), table),)))
    assert found.one("span", class_="mark bad").text == "missed"


def test_a_spread_stands_below_its_figure() -> None:
    table = Table("", (Column("a"), Column("b", number=True)), (("x", Valued("2", "1 to 3")),))
    found = shown(Section("s", exhibits=(Exhibit((), table),)))
    assert found.one("small").text == "1 to 3"
    assert found.one("td", class_="number").text == "21 to 3"


def test_a_run_of_nothing_is_a_page_too() -> None:
    nothing = BenchRun("", "", "", False, (), ())
    assert taken_apart(page(document(nothing, Targets()))).all("svg") == []


def schemes(html: str) -> dict[str, dict[str, str]]:
    """The colours by name, of the light and of the dark page."""
    light, dark = re.findall(r":root \{(.*?)\}", html, re.DOTALL)[:2]
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text))
        for name, text in {"light": light, "dark": dark}.items()
    }


def contrast(one: str, other: str) -> float:
    """How much two colours differ in lightness, 1 to 21. Source: WCAG 2.2, contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_can_be_told_from_the_paper(html: str, scheme: str) -> None:
    colours = schemes(html)[scheme]
    texts = [("ink", "paper"), ("ink", "raised"), ("quiet", "paper"), ("quiet", "raised")]
    texts += [(mark, f"{mark}-paper") for mark in ("good", "bad", "open")] + [("system-0", "paper")]
    assert {
        pair: contrast(*(colours[name] for name in pair))
        for pair in texts
        if contrast(*(colours[name] for name in pair)) < 4.5
    } == {}
    lines = {f"system-{number}": contrast(colours[f"system-{number}"], colours["paper"]) for number in range(COLOURS)}
    assert {name: found for name, found in lines.items() if found < 3} == {}


def test_light_and_dark_have_the_same_colours_by_name(html: str) -> None:
    both = schemes(html)
    assert both["light"].keys() == both["dark"].keys()
    used = set(re.findall(r"var\(--([\w-]+)\)", html))
    assert used <= both["light"].keys()
