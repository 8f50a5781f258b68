from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from helm.dashboards.drawing import draw
from helm.dashboards.panels import Dashboard, Form, Panel, Query, Row, Unit

PANEL = Panel("Nodes", "Three.", "Look for the third.", (Query("up{<nodes>}", "{{instance}}"),), Unit.BYTES)


def drawn(*panels: Panel, picks_rpc: bool = False) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(draw(Dashboard("x", "X", "Shows x.", (Row("Row", panels),), picks_rpc=picks_rpc)))
    return page


def only(panel: Panel) -> dict[str, Any]:
    _, found = drawn(panel)["panels"]
    return dict(found)


def steps(panel: Panel) -> list[tuple[float | None, str]]:
    return [
        (step.get("value"), step["color"]) for step in only(panel)["fieldConfig"]["defaults"]["thresholds"]["steps"]
    ]


def test_a_panel_says_what_it_shows_and_asks_for_the_chosen_nodes() -> None:
    panel = only(PANEL)
    assert panel["title"] == "Nodes"
    assert panel["description"] == "**Healthy:** Three.\n\n**Otherwise:** Look for the third."
    assert panel["fieldConfig"]["defaults"]["unit"] == "bytes"
    (target,) = panel["targets"]
    assert target["expr"] == 'up{namespace=~"$namespace", job="$job", instance=~"$instance"}'
    assert (target["legendFormat"], target["refId"], target["range"]) == ("{{instance}}", "A", True)


@pytest.mark.parametrize(
    ("form", "kind"),
    [(Form.LINES, "timeseries"), (Form.STACK, "timeseries"), (Form.NUMBER, "stat"), (Form.HEATMAP, "heatmap")],
)
def test_each_form_is_a_kind_of_panel(form: Form, kind: str) -> None:
    assert only(replace(PANEL, form=form))["type"] == kind


def test_only_what_is_stacked_adds_up() -> None:
    modes = [
        only(replace(PANEL, form=form))["fieldConfig"]["defaults"]["custom"].get("stacking", {}).get("mode")
        for form in (Form.LINES, Form.STACK)
    ]
    assert modes == [None, "normal"]


def test_a_number_is_of_now_and_a_heatmap_of_buckets() -> None:
    (number,) = only(replace(PANEL, form=Form.NUMBER))["targets"]
    (buckets,) = only(replace(PANEL, form=Form.HEATMAP))["targets"]
    assert number["instant"] is True
    assert buckets["format"] == "heatmap"


def test_what_is_high_is_bad_from_its_bounds_on() -> None:
    assert steps(replace(PANEL, warns_at=1, alarms_at=5)) == [(None, "green"), (1, "orange"), (5, "red")]
    assert steps(replace(PANEL, alarms_at=5)) == [(None, "green"), (5, "red")]


def test_what_is_low_may_be_bad_instead() -> None:
    panel = replace(PANEL, warns_at=14, alarms_at=3, is_low_bad=True)
    assert steps(panel) == [(None, "red"), (3, "orange"), (14, "green")]


def test_rpcs_can_be_picked_where_the_dashboard_says_so() -> None:
    picked = [
        {variable["name"] for variable in drawn(PANEL, picks_rpc=picks)["templating"]["list"]}
        for picks in (True, False)
    ]
    assert picked[0] - picked[1] == {"rpc"}


def test_panels_fill_a_line_before_they_begin_the_next() -> None:
    three = [replace(PANEL, title=title, width=12) for title in "abc"]
    _, *places = [panel["gridPos"] for panel in drawn(*three)["panels"]]
    assert [(place["x"], place["y"]) for place in places] == [(0, 1), (12, 1), (0, 9)]


def test_the_same_dashboard_is_always_drawn_the_same() -> None:
    dashboard = Dashboard("x", "X", "Shows x.", (Row("Row", (PANEL,)),))
    assert draw(dashboard) == draw(dashboard)
    assert draw(dashboard).endswith("}\n")
