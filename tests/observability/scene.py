"""What a real Prometheus sees of a cluster: while all is well, and after one of its nodes was killed."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from helm.dashboards.drawing import expression_of
from helm.dashboards.generate import DASHBOARDS
from tests.integration.cluster.load import load_on
from tests.integration.cluster.test_faults import addresses
from tests.observability.promql import OF_TARGETS
from tests.observability.queries import without_variables
from tests.observability.watched_cluster import unusual_calls, watched_cluster
from tests.support.eventually import eventually
from tests.support.prometheus import JOB, PrometheusServer, prometheus_server

Series: TypeAlias = list[tuple[dict[str, str], float]]

_LOOKS_FOR_S = 10.0  # a window of rates, and some
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class View:
    """What Prometheus knows at one time.

    panels: what each query of a panel shows, by the titles of dashboard and panel. alerts: names and labels of those
    that are pending or fire.
    """

    panels: Mapping[tuple[str, str], list[Series]]
    alerts: list[tuple[str, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """What was seen.

    instances: how Prometheus calls the nodes a, b, c. exported: their metrics, and the labels of these. well, broken:
    before and after c was killed. traces: ids beside the durations of calls. rules: as Prometheus evaluates them. told:
    by the node a, to one who understands plain text alone.
    """

    instances: Mapping[str, str]
    exported: Mapping[str, frozenset[str]]
    well: View
    broken: View
    traces: list[str]
    rules: list[dict[str, Any]]
    told: str


async def play(folder: Path, rules: Path) -> Scene:
    """The scene from beginning to end, some twenty seconds."""
    async with watched_cluster(folder) as (fleet, instances):
        with prometheus_server(folder, list(instances.values()), rules) as prometheus:
            everywhere = addresses(fleet)
            async with load_on(everywhere) as load, unusual_calls(everywhere["a"]):
                await asyncio.sleep(_LOOKS_FOR_S)
                exported = await asyncio.to_thread(_exported, prometheus)
                traces = await asyncio.to_thread(_traces, prometheus)
                well = await asyncio.to_thread(_view, prometheus)
                told = await asyncio.to_thread(_told_by, instances["a"])
            load.ensure_exact()
            fleet["c"].stop()
            async with load_on(addresses(fleet, "ab")):
                await _is_missed(prometheus, instances["c"])
                broken = await asyncio.to_thread(_view, prometheus)
            rules_seen = await asyncio.to_thread(prometheus.asked, "rules")
            found = [rule for group in rules_seen["groups"] for rule in group["rules"]]
            return Scene(instances, exported, well, broken, traces, found, told)


async def _is_missed(prometheus: PrometheusServer, instance: str) -> None:
    """Return once Prometheus has seen that the node is gone, and that the others have."""

    async def it_is() -> bool:
        await asyncio.sleep(0.2)
        gone = await asyncio.to_thread(prometheus.value, f'up{{instance="{instance}"}} == 0')
        seen = await asyncio.to_thread(prometheus.value, "max(sum by (instance) (ringward_cluster_members))")
        return gone is not None and seen == 2

    await eventually(it_is, patience_s=_PATIENCE_S)
    await asyncio.sleep(2)  # rules are evaluated each second


def _view(prometheus: PrometheusServer) -> View:
    panels = {
        (dashboard.title, panel.title): [
            prometheus.series(without_variables(expression_of(query))) for query in panel.queries
        ]
        for dashboard in DASHBOARDS
        for row in dashboard.rows
        for panel in row.panels
    }
    return View(panels, [(labels["alertname"], labels) for labels, _ in prometheus.series("ALERTS")])


def _told_by(instance: str) -> str:
    with urllib.request.urlopen(f"http://{instance}/metrics", timeout=10) as answer:
        return str(answer.read(), "utf-8")


def _exported(prometheus: PrometheusServer) -> dict[str, frozenset[str]]:
    """Labels by metric, of all that was scraped."""
    found: dict[str, set[str]] = {}
    for labels in prometheus.asked("series", **{"match[]": f'{{job="{JOB}"}}', "start": str(time.time() - 10)}):
        found.setdefault(labels["__name__"], set()).update(labels)
    return {name: frozenset(labels - OF_TARGETS - {"__name__"}) for name, labels in found.items()}


def _traces(prometheus: PrometheusServer) -> list[str]:
    now = time.time()
    found = prometheus.asked(
        "query_exemplars",
        query="ringward_request_duration_seconds_bucket",
        start=str(now - 60),
        end=str(now),
    )
    return [exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]]
