"""What is true of every dashboard, as its file is."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as Model

from helm.dashboards.generate import DASHBOARDS
from helm.dashboards.panels import Dashboard, Form, Panel, Query
from tests.observability.documented import documented_metrics, unknown_values
from tests.observability.files import file_of, panels_of, queries_of
from tests.observability.promql import unknown
from tests.support.prometheus import check_expressions

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)


@each_dashboard
def test_grafana_knows_every_word_of_it(dashboard: Dashboard) -> None:
    register_default_plugins()
    content = file_of(dashboard)
    assert json.loads(json.dumps(Model.from_json(content), cls=JSONEncoder)) == content


@each_dashboard
def test_prometheus_can_read_all_its_queries(dashboard: Dashboard, tmp_path: Path) -> None:
    check_expressions(queries_of(dashboard), tmp_path)


@each_dashboard
def test_its_queries_speak_of_metrics_and_labels_that_are_documented(dashboard: Dashboard) -> None:
    metrics = documented_metrics()
    wrong = {title: found for title, query in queries_of(dashboard).items() if (found := unknown(query, metrics))}
    assert not wrong


@each_dashboard
def test_its_queries_pick_labels_by_values_that_are_documented(dashboard: Dashboard) -> None:
    wrong = {title: found for title, query in queries_of(dashboard).items() if (found := list(unknown_values(query)))}
    assert not wrong


@each_dashboard
def test_each_panel_says_what_is_healthy_and_what_to_do_otherwise(dashboard: Dashboard) -> None:
    for panel in panels_of(dashboard):
        assert re.fullmatch(r"\*\*Healthy:\*\* .+\.\n\n\*\*Otherwise:\*\* .+[.?]", panel["description"]), panel["title"]


@each_dashboard
def test_each_panel_has_a_unit_and_names_its_series(dashboard: Dashboard) -> None:
    for panel in panels_of(dashboard):
        if panel["type"] == "heatmap":
            assert panel["options"]["yAxis"]["unit"]
            continue
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        if panel["type"] == "timeseries":
            assert all(target["legendFormat"] != "__auto" for target in panel["targets"]), panel["title"]


@each_dashboard
def test_every_query_asks_the_chosen_source_for_the_chosen_nodes(dashboard: Dashboard) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels_of(dashboard):
        assert panel["datasource"] == chosen
        for target in panel["targets"]:
            assert target["datasource"] == chosen
            read = len(re.findall(r"(?:ringward|process|python)_\w+|\bup\b", target["expr"]))
            for variable in ("$namespace", "$job", "$instance"):
                assert target["expr"].count(variable) == read, (panel["title"], variable)


@each_dashboard
def test_its_panels_lie_on_the_grid_and_not_on_one_another(dashboard: Dashboard) -> None:
    places = [panel["gridPos"] for panel in file_of(dashboard)["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_above, (one, other)


@each_dashboard
def test_titles_and_numbers_of_its_panels_are_unique(dashboard: Dashboard) -> None:
    for name in ("title", "id"):
        values = [panel[name] for panel in file_of(dashboard)["panels"]]
        assert len(values) == len(set(values))


@each_dashboard
def test_its_data_source_namespace_job_and_nodes_can_be_chosen(dashboard: Dashboard) -> None:
    names = [variable["name"] for variable in file_of(dashboard)["templating"]["list"]]
    assert names == ["datasource", "namespace", "job", "instance"] + ["rpc"] * dashboard.picks_rpc
    used = set(
        re.findall(
            r"\$(\w+)", " ".join(target["expr"] for panel in panels_of(dashboard) for target in panel["targets"])
        )
    )
    assert used - {"__rate_interval"} == set(names) - {"datasource"}


def test_each_dashboard_has_an_address_of_its_own() -> None:
    addresses = [file_of(dashboard)["uid"] for dashboard in DASHBOARDS]
    assert sorted(addresses) == ["ringward-cluster", "ringward-node", "ringward-overview", "ringward-storage"]


def test_every_documented_metric_of_ours_is_shown_somewhere() -> None:
    queries = " ".join(query for dashboard in DASHBOARDS for query in queries_of(dashboard).values())
    unseen = [name for name in documented_metrics() if name.startswith("ringward_") and not name.endswith("_sum")]
    assert [
        name for name in unseen if not re.search(rf"\b{name}\b|\b{name.removesuffix('_count')}_bucket\b", queries)
    ] == []


def test_latencies_lead_to_traces() -> None:
    shown = [query for panel in all_panels() for query in panel.queries if query.exemplars]
    assert shown
    assert all("histogram_quantile" in query.expression for query in shown)


def all_panels() -> list[Panel]:
    return [panel for dashboard in DASHBOARDS for row in dashboard.rows for panel in row.panels]


def test_no_two_panels_of_a_row_ask_the_same() -> None:
    for dashboard in DASHBOARDS:
        for row in dashboard.rows:
            asked: list[Query] = [
                query for panel in row.panels for query in panel.queries if panel.form is not Form.NUMBER
            ]
            assert len(asked) == len(set(asked)), row.title
