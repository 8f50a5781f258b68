"""docs/metrics.md as a table, and what a node exports as another, to be held against each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"

_ROW = re.compile(r"^\| `(?P<name>ringward_\w+)` \| (?P<kind>\w+) \|(?P<labels>[^|]*)\| (?P<meaning>[^|]+) \|$")
_LABEL = re.compile(r"^\| `(?P<label>\w+)` \| (?P<values>[^|]+) \|$")


class Described(NamedTuple):
    """One metric. kind: counter, gauge or histogram."""

    name: str
    kind: str
    labels: frozenset[str]


class Exported(NamedTuple):
    """What a node exports. series: the labels of each series, with their values."""

    metrics: Set[Described]
    series: tuple[Mapping[str, str], ...]

    @property
    def names(self) -> Set[str]:
        return {metric.name for metric in self.metrics}


def documented() -> Mapping[str, Described]:
    """Every metric of the document, by name; fails if one is there twice."""
    rows = [row for line in DOCUMENT.read_text().splitlines() if (row := _ROW.match(line))]
    found = [Described(row["name"], row["kind"], frozenset(re.findall(r"`(\w+)`", row["labels"]))) for row in rows]
    assert len({metric.name for metric in found}) == len(found) > 0
    return {metric.name: metric for metric in found}


def documented_values() -> Mapping[str, Set[str]]:
    """The values each label may have, by the table of labels; some are described in words instead."""
    rows = [row for line in DOCUMENT.read_text().splitlines() if (row := _LABEL.match(line))]
    return {row["label"]: set(re.findall(r"`([a-z_]+)`", row["values"])) for row in rows}


def exported(text: str) -> Exported:
    """What is in an answer of ``/metrics``, as far as it is ours."""
    metrics: set[Described] = set()
    series: list[Mapping[str, str]] = []
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("ringward_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = frozenset(label for sample in family.samples for label in sample.labels if label != "le")
        metrics.add(Described(name, family.type, labels))
        series += [sample.labels for sample in family.samples]
    return Exported(metrics, tuple(series))
