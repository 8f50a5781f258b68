"""The words dashboards are written in: panels that say what is healthy and what to do otherwise, in rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

NODES = "<nodes>"
"""Stands, among the matchers of a query, for the nodes that are looked at: ``up{<nodes>}``."""


class Unit(Enum):
    """What a number counts, by Grafana's names."""

    COUNT = "short"
    SECONDS = "s"
    BYTES = "bytes"
    RATIO = "percentunit"
    CALLS_PER_SECOND = "reqps"
    PER_SECOND = "ops"
    ROWS_PER_SECOND = "rps"
    TEXT = "none"


class Form(Enum):
    """How a panel draws: lines over time, areas that add up, one number of now, or how often which value came."""

    LINES = "lines"
    STACK = "stack"
    NUMBER = "number"
    HEATMAP = "heatmap"


@dataclass(frozen=True, slots=True)
class Query:
    """What Prometheus is asked, and how series are named: ``{{label}}`` in ``legend``, which numbers may leave empty.

    exemplars: show traces of calls that were counted.
    """

    expression: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    healthy: what it looks like when all is well; otherwise: what to do if not. width: of 24. warns_at, alarms_at: from
    where on the number is bad; the least good ones where ``is_low_bad``. highest: of its axis, if that is known.
    """

    title: str
    healthy: str
    otherwise: str
    queries: tuple[Query, ...]
    unit: Unit = Unit.COUNT
    form: Form = Form.LINES
    width: int = 8
    warns_at: float | None = None
    alarms_at: float | None = None
    is_low_bad: bool = False
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that answer one question."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page. name: of its file, and in its address. picks_rpc: the reader may choose RPCs, ``$rpc``."""

    name: str
    title: str
    purpose: str
    rows: tuple[Row, ...]
    picks_rpc: bool = False
