"""What the chart brings for Prometheus and Grafana."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.helm.chart import CHART, copied, rendered

RULES = """
groups:
- name: ringward
  rules:
  - alert: A
    expr: up == 0
    annotations:
      summary: "{{ $labels.instance }} down"
"""
DASHBOARD = {"title": "Ringward", "uid": "ringward", "templating": {"list": []}, "panels": [{"legend": "{{zone}}"}]}


def test_every_node_is_scraped_ready_or_not() -> None:
    release = rendered("three-az")
    monitor = release.one("ServiceMonitor")["spec"]
    chosen = [
        it["metadata"]["name"]
        for it in release.all("Service")
        if monitor["selector"]["matchLabels"].items() <= it["metadata"]["labels"].items()
    ]
    assert chosen == ["ringward-peers"]
    (endpoint,) = monitor["endpoints"]
    ports = {port["name"]: port["port"] for port in release.one("Service", "ringward-peers")["spec"]["ports"]}
    assert (ports[endpoint["port"]], endpoint["path"]) == (9464, "/metrics")


def test_rules_and_dashboards_are_the_files_as_they_are(tmp_path: Path) -> None:
    chart = copied(CHART, tmp_path / "ringward")
    (chart / "files" / "alerts.yaml").write_text(RULES, encoding="utf-8")
    (chart / "files" / "dashboards").mkdir(exist_ok=True)
    (chart / "files" / "dashboards" / "trial.json").write_text(json.dumps(DASHBOARD, indent=2), encoding="utf-8")
    release = rendered("three-az", chart=chart, monitoring__rules__labels={"release": "prometheus"})
    rule = release.one("PrometheusRule")
    assert rule["spec"] == yaml.safe_load(RULES)
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    dashboard = release.one("ConfigMap", "ringward-dashboard-trial")
    assert json.loads(dashboard["data"]["trial.json"]) == DASHBOARD
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_the_charts_own_rules_and_dashboards_are_all_there() -> None:
    release = rendered("three-az")
    assert release.one("PrometheusRule")["spec"] == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text("utf-8"))
    files = {path.name for path in (CHART / "files" / "dashboards").glob("*.json")}
    maps = [it for it in release.all("ConfigMap") if "-dashboard-" in it["metadata"]["name"]]
    assert files
    assert {name for it in maps for name in it["data"]} == files


def test_alerts_lead_to_the_runbook_where_it_is_read() -> None:
    place = "https://git.example.com/operations"
    release = rendered("three-az", monitoring__rules__runbook=place)
    alerts = [
        rule for group in release.one("PrometheusRule")["spec"]["groups"] for rule in group["rules"] if "alert" in rule
    ]
    assert len(alerts) > 30
    for alert in alerts:
        assert alert["annotations"]["runbook_url"] == f"{place}#{alert['alert'].lower()}"


def test_nothing_of_it_is_made_unasked() -> None:
    kinds = {kind for kind, _ in rendered("aurora").kinds_and_names()}
    assert not kinds & {"ServiceMonitor", "PrometheusRule"}
