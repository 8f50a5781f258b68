"""Metrics as docs/metrics.md lists them, by the names that queries use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

import grpc

from tests.observability.promql import matched_values
from tests.support.catalogue import DOCUMENT, documented, documented_values

_OF_PROCESSES = re.compile(r"`((?:process|python)_\w+)`")


def documented_metrics() -> dict[str, frozenset[str]]:
    """The labels of each. Of what is told of every process, the document gives the names alone."""
    metrics = {"up": frozenset[str]()}
    for name in _OF_PROCESSES.findall(DOCUMENT.read_text(encoding="utf-8")):
        metrics[name] = frozenset({"generation"} if name.startswith("python_gc") else ())
    for name, kind, labels in documented().values():
        if kind == "histogram":
            metrics |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            metrics[name] = labels
    return metrics


def unknown_values(expression: str) -> Iterator[tuple[str, str]]:
    """Labels, and values it picks them by that they never have; of labels whose values are not set free."""
    values: dict[str, Set[str]] = {label: found for label, found in documented_values().items() if found}
    values["code"] = {code.name for code in grpc.StatusCode}
    for label, value in matched_values(expression):
        if label in values and value not in values[label]:
            yield label, value
