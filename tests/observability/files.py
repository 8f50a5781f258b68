"""Dashboards as their files are."""

from __future__ import annotations

import json
from typing import Any

from helm.dashboards.generate import FILES
from helm.dashboards.panels import Dashboard
from tests.observability.queries import without_variables


def file_of(dashboard: Dashboard) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FILES / f"{dashboard.name}.json").read_text(encoding="utf-8"))
    return content


def panels_of(dashboard: Dashboard) -> list[dict[str, Any]]:
    return [panel for panel in file_of(dashboard)["panels"] if panel["type"] != "row"]


def queries_of(dashboard: Dashboard) -> dict[str, str]:
    """By the title of the panel and the letter of the query."""
    return {
        f"{panel['title']} {target['refId']}": without_variables(target["expr"])
        for panel in panels_of(dashboard)
        for target in panel["targets"]
    }
