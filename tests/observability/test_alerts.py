"""Alert rules: that they can be read, speak of what exists, fire when they should, and only then."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.observability.documented import documented_metrics, unknown_values
from tests.observability.promql import OF_TARGETS, named_labels, selectors, unknown
from tests.observability.rules import ALERTS, FILE, GROUP_OF, GROUPS, RULES, written
from tests.observability.stories import STORIES
from tests.observability.stories.story import as_promtool_has_it
from tests.support.prometheus import promtool

RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.get("alert") or rule["record"]))
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))


def known_metrics() -> dict[str, frozenset[str]]:
    """What nodes export, and what the rules record of it."""
    metrics = documented_metrics()
    recorded = [rule for rule in RULES if "record" in rule]
    return metrics | {rule["record"]: frozenset(rule["record"].split(":")[0].split("_")) for rule in recorded}


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", "--lint-fatal", FILE)


@pytest.mark.parametrize(("group", "step"), sorted({(GROUP_OF[story.alert], story.step) for story in STORIES}))
def test_alerts_fire_when_they_should_and_are_silent_when_they_should_be(group: str, step: str, tmp_path: Path) -> None:
    """Only the rules of a group are looked at, as often as there are samples: all at each minute would take minutes."""
    rules = written([found for found in GROUPS if found["name"] == group], tmp_path)
    told = [as_promtool_has_it(story) for story in STORIES if (GROUP_OF[story.alert], story.step) == (group, step)]
    stories = tmp_path / "stories.json"
    stories.write_text(
        json.dumps({"rule_files": [str(rules)], "evaluation_interval": step, "tests": told}), encoding="utf-8"
    )
    promtool("test", "rules", stories)


@each_alert
def test_each_alert_has_stories_in_which_it_fires_and_in_which_it_is_silent(alert: dict[str, Any]) -> None:
    told = [story for story in STORIES if story.alert == alert["alert"]]
    assert any(story.firing for story in told)
    assert any(not story.firing for story in told)


@each_alert
def test_each_alert_says_how_bad_it_is_and_what_it_is_about(alert: dict[str, Any]) -> None:
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}


@each_alert
def test_each_alert_is_in_the_runbook(alert: dict[str, Any]) -> None:
    assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{alert['alert'].lower()}"
    headings = re.findall(r"^#+ (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert alert["alert"] in headings


@each_alert
def test_each_alert_tells_no_more_than_it_knows(alert: dict[str, Any]) -> None:
    metrics = known_metrics()
    used = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["description"]))
    aggregated = re.match(
        r"\W*(?:1 - )?(?:time\(\) - )?(?:histogram_quantile\(0.99, )?(?:sum|max|min|count) by \(([^)]*)\)",
        alert["expr"],
    )
    if aggregated:
        known = frozenset(aggregated[1].split(", "))
    else:
        known = OF_TARGETS.union(*(metrics[selector.metric] for selector in selectors(alert["expr"])))
    assert used <= known


@each_rule
def test_each_rule_speaks_of_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert unknown(rule["expr"], known_metrics()) == []


@each_rule
def test_each_rule_picks_labels_by_values_that_are_documented(rule: dict[str, Any]) -> None:
    assert list(unknown_values(rule["expr"])) == []


@each_alert
def test_the_runbook_says_how_bad_each_alert_is_and_how_long_it_waits(alert: dict[str, Any]) -> None:
    said = re.search(
        rf"^### {alert['alert']}\n\n\*(\w+)(?:, after (\d+) (\w+))?", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert said is not None
    assert said[1] == alert["labels"]["severity"]
    assert alert.get("for", "") == (f"{said[2]}{said[3][0]}" if said[2] else "")


@pytest.mark.parametrize("rule", [rule for rule in RULES if "record" in rule], ids=lambda rule: str(rule["record"]))
def test_each_recorded_series_is_named_by_its_labels(rule: dict[str, Any]) -> None:
    assert rule["record"].startswith("namespace_job:")
    assert {"namespace", "job"} <= named_labels(rule["expr"])


def test_alerts_have_names_of_their_own() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert len(names) == len(set(names))
    assert all(name.startswith("Ringward") for name in names)
