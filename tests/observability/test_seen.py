"""Break a node, and find it: on the dashboards, and by the alerts."""

from __future__ import annotations

import asyncio
import re

import pytest

from helm.dashboards.generate import DASHBOARDS
from tests.observability.files import queries_of
from tests.observability.promql import selectors, unknown
from tests.observability.queries import without_variables
from tests.observability.rules import GROUPS, RULES, written
from tests.observability.scene import Scene, Series, play
from tests.support.prometheus import promtool

# What shows nothing but when something is amiss, as its description says.
EMPTY_WHEN_WELL = {
    ("Ringward: overview", "Failed, by code"),
    ("Ringward: overview", "Failed by node"),
    ("Ringward: overview", "Failed by zone"),
}

# What a machine that does other things meanwhile may bring near to firing; and writes without end.
OF_BUSY_MACHINES = {
    "RingwardLatencyBudgetFast",
    "RingwardLatencyBudgetSlow",
    "RingwardEventLoopLag",
    "RingwardStoreSlow",
    "RingwardReplicaUnused",
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("scene")
    return asyncio.run(play(folder, written(GROUPS, folder)))


def of_nodes(series: Series) -> dict[str, float]:
    return {labels["instance"]: value for labels, value in series}


def test_all_that_dashboards_speak_of_is_exported_by_real_nodes(scene: Scene) -> None:
    wrong = {
        (dashboard.name, title): found
        for dashboard in DASHBOARDS
        for title, query in queries_of(dashboard).items()
        if (found := unknown(query, scene.exported))
    }
    assert not wrong


def test_all_that_rules_speak_of_is_exported_by_real_nodes(scene: Scene) -> None:
    recorded = {rule["record"]: frozenset[str]() for rule in RULES if "record" in rule}
    wrong = {
        rule.get("alert") or rule["record"]: found
        for rule in RULES
        if (found := unknown(rule["expr"], {**scene.exported, **recorded}))
    }
    assert not wrong


def test_every_panel_shows_something_while_all_is_well(scene: Scene) -> None:
    empty = {place for place, queries in scene.well.panels.items() if not all(queries)}
    assert empty == EMPTY_WHEN_WELL


def test_series_are_named_by_labels_they_have(scene: Scene) -> None:
    for dashboard in DASHBOARDS:
        for row in dashboard.rows:
            for panel in row.panels:
                for query, shown in zip(panel.queries, scene.well.panels[dashboard.title, panel.title], strict=True):
                    named = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
                    assert all(named <= labels.keys() for labels, _ in shown), (dashboard.title, panel.title)
                    names = [tuple(labels.get(name) for name in sorted(named)) for labels, _ in shown]
                    assert len(names) == len(set(names)), (dashboard.title, panel.title)


def test_nobody_is_woken_while_all_is_well(scene: Scene) -> None:
    assert {name for name, _ in scene.well.alerts} <= OF_BUSY_MACHINES


def test_prometheus_evaluates_all_rules(scene: Scene) -> None:
    assert {rule["name"] for rule in scene.rules} == {rule.get("alert") or rule["record"] for rule in RULES}
    assert [(rule["name"], rule.get("lastError")) for rule in scene.rules if rule["health"] != "ok"] == []


def test_metrics_are_named_as_is_usual_with_prometheus(scene: Scene) -> None:
    promtool("check", "metrics", text=scene.told)


def test_durations_of_calls_lead_to_their_traces(scene: Scene) -> None:
    assert scene.traces
    assert all(re.fullmatch("[0-9a-f]{32}", trace) for trace in scene.traces)


def test_a_node_that_was_killed_is_found_on_the_overview(scene: Scene) -> None:
    well, broken = scene.well.panels, scene.broken.panels
    assert well["Ringward: overview", "Nodes that are not ready"][0][0][1] == 0
    assert broken["Ringward: overview", "Nodes that are not ready"][0][0][1] == 1
    ready = of_nodes(broken["Ringward: overview", "Ready"][0])
    assert ready == {scene.instances["a"]: 1, scene.instances["b"]: 1}


def test_the_others_are_seen_to_have_missed_it(scene: Scene) -> None:
    place = "Ringward: cluster", "Members each node sees"
    assert of_nodes(scene.well.panels[place][0]) == dict.fromkeys(scene.instances.values(), 3)
    assert set(of_nodes(scene.broken.panels[place][0]).values()) == {2}
    shares = scene.broken.panels["Ringward: cluster", "Share of the keys"][0]
    assert sum(of_nodes(shares).values()) == pytest.approx(1)


def test_its_zone_is_seen_to_be_gone(scene: Scene) -> None:
    zones = [
        {labels["zone"] for labels, _ in view.panels["Ringward: cluster", "Members by zone"][0]}
        for view in (scene.well, scene.broken)
    ]
    assert zones == [{"one", "two"}, {"one"}]


def test_alerts_begin_that_tell_of_it(scene: Scene) -> None:
    told = dict(scene.broken.alerts)
    assert told["RingwardNodeGone"]["instance"] == scene.instances["c"]
    assert told.keys() >= {"RingwardNodeGone", "RingwardZoneLost", "RingwardRingShrunk"}
    assert told.keys().isdisjoint({"RingwardNoNodeReady", "RingwardAbsent", "RingwardNodeNotReady"})


def test_queries_are_asked_as_grafana_asks_them() -> None:
    for dashboard in DASHBOARDS:
        for query in queries_of(dashboard).values():
            assert "$" not in without_variables(query)
            assert list(selectors(query))
