"""One story of an alert, and how Prometheus' tool is told it.

Series are written as that has them: ``1x10 0x5`` is 1 for eleven samples, then 0 for six; ``0+60x10`` rises by 60. In
their labels ``<a>``, ``<b>`` and ``<c>`` are three nodes of one cluster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CALLS = 'ringward_requests_total{<a>, transport="grpc", rpc="base.v1.Permission/Check", code="%s"}'
BUILD = 'ringward_build_info{<%s>, version="1.0.0", transport="native", zone="one"}'


@dataclass(frozen=True, slots=True)
class Story:
    """One of an alert.

    title: what happens. series: by name and labels. at: when somebody looks. firing: a label that tells each
    alert that must be firing then from others, empty where there can be but one. step: between two samples.
    """

    alert: str
    title: str
    series: Mapping[str, str]
    at: str
    firing: tuple[str, ...] = ()
    step: str = "1m"


def as_promtool_has_it(story: Story) -> dict[str, Any]:
    """The story as one entry of a test file. Its title is in the queries: the tool quotes those of what fails."""
    firing = f'ALERTS{{alertname="{story.alert}", alertstate="firing"%s}}'
    expected = [{"labels": "{}", "value": len(story.firing)}] if story.firing else []
    asked = [{"expr": f"count({firing % ''}) # {story.title}", "eval_time": story.at, "exp_samples": expected}]
    for which in filter(None, story.firing):
        one = f"count({firing % f', {which}'}) # {story.title}"
        asked.append({"expr": one, "eval_time": story.at, "exp_samples": [{"labels": "{}", "value": 1}]})
    series = [{"series": _with_nodes(name), "values": values} for name, values in story.series.items()]
    return {"interval": story.step, "input_series": series, "promql_expr_test": asked}


def _with_nodes(name: str) -> str:
    return re.sub(r"<(\w)>", r'namespace="prod", job="ringward", instance="\1:9464"', name)


def nodes(metric: str, *values: str, labels: str = "") -> dict[str, str]:
    """A series of each of the nodes a, b, c."""
    return {f"{metric}{{<{node}>{labels}}}": value for node, value in zip("abc", values, strict=False)}
