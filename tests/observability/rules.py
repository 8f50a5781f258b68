"""The rules of the chart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "helm" / "ringward" / "files" / "alerts.yaml"

GROUPS: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
GROUP_OF = {rule["alert"]: group["name"] for group in GROUPS for rule in group["rules"] if "alert" in rule}


def written(groups: Sequence[Mapping[str, Any]], folder: Path) -> Path:
    """A file of rules that are looked at as often as whoever reads it wants."""
    hurried = [{key: value for key, value in group.items() if key != "interval"} for group in groups]
    file = folder / "rules.json"
    file.write_text(json.dumps({"groups": hurried}), encoding="utf-8")
    return file
