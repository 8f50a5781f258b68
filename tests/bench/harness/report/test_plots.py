"""Drawings: in the page's colours and font, with ids of their own, and the same for the same figures."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from bench.harness.report.document import Axis, Dots, Line, Plot, Point
from bench.harness.report.plots import COLOURS, drawn
from tests.support.html_page import taken_apart


def line(name: str, number: int, *values: tuple[float, float]) -> Line:
    return Line(name, number, tuple(Point(x, y, y * 0.9, y * 1.2) for x, y in values))


CURVE = Plot(
    "curve",
    Axis("percentile", "percentile"),
    Axis("latency, ms", "log"),
    (line("ringward", 0, (50, 1), (90, 2), (99.9, 30)), line("openfga", 1, (50, 3), (99, 80))),
    marked=False,
)
GROWTH = Plot(
    "growth",
    Axis("members", "log"),
    Axis("µs"),
    (line("ringward", 0, (10, 40), (1_000_000, 50)), line("openfga", 4, (10, 400), (1_000, 900))),
)
DOTS = Dots(
    "dots",
    Axis("µs", "log"),
    ("cached", "never-seen"),
    (line("ringward", 0, (0, 70), (1, 900)), line("openfga", 1, (0, 200), (1, 23_000))),
)
EACH = pytest.mark.parametrize("picture", [CURVE, GROWTH, DOTS], ids=lambda picture: picture.title)


def texts(svg: str) -> list[str]:
    return [each.text.strip().replace("\xa0", " ") for each in taken_apart(svg).all("text")]


@EACH
def test_a_drawing_is_well_formed_and_scales_with_the_page(picture: Plot | Dots) -> None:
    root = ElementTree.fromstring(drawn(picture, "p", "what it is"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "viewBox" in root.attrib
    assert not {"width", "height"} & root.attrib.keys()


@EACH
def test_it_is_an_image_with_a_label_for_those_who_do_not_see_it(picture: Plot | Dots) -> None:
    root = taken_apart(drawn(picture, "p", 'a "label" <of> it')).elements[0]
    assert (root.attributes["role"], root.attributes["aria-label"]) == ("img", 'a "label" <of> it')


@EACH
def test_every_colour_is_the_pages(picture: Plot | Dots) -> None:
    svg = drawn(picture, "p", "")
    assert re.findall(r"(?:fill|stroke): (?!none|var\()[^;\"]+", svg) == []
    assert {f"--system-{each.number}" for each in picture.lines} == set(re.findall(r"--system-\d", svg))
    assert "var(--ink)" in svg
    assert "var(--faint)" in svg


@EACH
def test_nothing_in_it_holds_for_the_rest_of_the_page(picture: Plot | Dots) -> None:
    elements = {each.tag for each in taken_apart(drawn(picture, "p", "")).elements}
    assert not {"style", "script", "metadata"} & elements


@EACH
def test_ids_are_its_own_and_every_reference_finds_one(picture: Plot | Dots) -> None:
    svg = drawn(picture, "s1-0", "")
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(each.startswith("s1-0-") for each in ids)
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)) != set()
    for pair in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg):
        assert "".join(pair) in ids


@EACH
def test_the_same_figures_are_drawn_the_same(picture: Plot | Dots) -> None:
    assert drawn(picture, "p", "") == drawn(picture, "p", "")


@EACH
def test_systems_are_named_in_it(picture: Plot | Dots) -> None:
    assert {each.name for each in picture.lines} <= set(texts(drawn(picture, "p", "")))


def test_percentiles_have_a_tick_at_each_nine_as_far_as_the_curves_go() -> None:
    found = texts(drawn(CURVE, "p", ""))
    assert {"50 %", "90 %", "99 %", "99.9 %"} <= set(found)
    assert "99.99 %" not in found


def test_sizes_that_were_measured_are_the_ticks_of_a_growth_and_its_costs_begin_at_nothing() -> None:
    found = texts(drawn(GROWTH, "p", ""))
    assert {"10", "1 000", "1 000 000", "0"} <= set(found)


def test_loads_name_the_rows_of_dots() -> None:
    assert {"cached", "never-seen"} <= set(texts(drawn(DOTS, "p", "")))


def test_a_wide_axis_has_no_more_ticks_than_it_has_room_for() -> None:
    found = texts(drawn(DOTS, "p", ""))
    assert {"100", "1 000", "10 000"} <= set(found)
    assert not {"200", "5 000"} & set(found)


def test_names_are_never_taken_for_formulas_or_markup() -> None:
    named = Dots("dots", Axis("$x_1$"), ("$\\bad{", "<b>"), (line("$a$ & <b>", 0, (0, 1), (1, 2)),))
    assert {"$x_1$", "$\\bad{", "<b>", "$a$ & <b>"} <= set(texts(drawn(named, "p", "")))


def test_more_systems_than_colours_begin_again() -> None:
    plot = Plot("p", Axis("x"), Axis("y"), (line("one", COLOURS, (1, 1), (2, 2)),))
    assert set(re.findall(r"--system-\d+", drawn(plot, "p", ""))) == {"--system-0"}


def test_one_point_is_enough() -> None:
    plot = Plot("p", Axis("nodes"), Axis("µs"), (line("one", 0, (1, 5)),))
    assert "1" in texts(drawn(plot, "p", ""))


def test_spread_to_nothing_can_be_drawn_on_a_logarithmic_axis() -> None:
    spread = Line("one", 0, (Point(1, 5, 0, 9), Point(2, 60, 1, 90)))
    assert "one" in texts(drawn(Plot("p", Axis("x"), Axis("y", "log"), (spread,)), "p", ""))
