"""Metrics of the node as a whole: how it stands with it, its event loop, its listeners, who watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from api.health import Health, Standing
from api.host import GrpcListener
from api.tls import ListenerTls
from cluster.watch.tails import Tails
from node.exporting import Outbounds
from telemetry.histogram import Histogram
from telemetry.metrics import Metrics, Numbers


def declare_watching(metrics: Metrics, tails: Tails[Any]) -> None:
    """Streams of changes."""
    metrics.gauge("ringward_watchers", "Streams that follow changes.", lambda: tails.followers)
    metrics.gauge("ringward_watch_tails", "Tenants somebody follows.", lambda: len(tails))
    metrics.counter("ringward_watch_commits_total", "Commits read for those who follow.", lambda: tails.commits)
    metrics.gauge(
        "ringward_watch_tail_lag_seconds",
        "For how long the tail that is furthest behind has known of commits it has not read.",
        lambda: tails.lag_s,
    )


def declare_health(metrics: Metrics, health: Health) -> None:
    """How it stands with the node."""
    metrics.gauge(
        "ringward_ready",
        "1 if the node was ready when last somebody looked.",
        lambda: health.last_seen is Standing.SERVING,
    )
    metrics.gauges(
        "ringward_standing",
        "1 for how it stands with the node, 0 for the others.",
        ("standing",),
        lambda: {(standing.name.lower(),): health.last_seen is standing for standing in Standing},
    )


def declare_loop(metrics: Metrics, lags_s: Histogram) -> None:
    """The event loop."""
    metrics.histogram(
        "ringward_event_loop_lag_seconds", "How much later than planned the node got a turn.", lambda: lags_s
    )
    metrics.gauge("ringward_event_loop_tasks", "Tasks there are.", lambda: len(asyncio.all_tasks()))


def declare_build(metrics: Metrics, *, version: str, transport: str, zone: str) -> None:
    """What runs, and where."""
    metrics.gauges(
        "ringward_build_info",
        "1; what runs, and where.",
        ("version", "transport", "zone"),
        lambda: {(version, transport, zone): 1},
    )


def declare_listeners(metrics: Metrics, host: GrpcListener, tls: Mapping[str, ListenerTls]) -> None:
    """Connections and certificates. tls: by what the listener speaks."""
    metrics.gauge("ringward_grpc_connections", "Connections of gRPC clients.", lambda: host.connections)
    metrics.counters(
        "ringward_grpc_refused_total",
        "Connections and calls of gRPC refused before any handler heard of them.",
        ("reason",),
        lambda: {(reason,): count for reason, count in host.refused.items()},
    )
    metrics.gauges(
        "ringward_certificate_expiry_timestamp_seconds",
        "Until when certificates are valid, in Unix time.",
        ("listener",),
        lambda: {(name,): some.expires.timestamp() for name, some in tls.items()},
    )


def declare_telemetry(metrics: Metrics, outbounds: Outbounds, lines_lost: Callable[[], int]) -> None:
    """What is told of the node otherwise: the log, and what is sent to collectors."""
    metrics.counter("ringward_log_lines_lost_total", "Lines that could not be written.", lines_lost)

    def items() -> Numbers:
        counts = {signal: outbound.counts for signal, outbound in outbounds.items()}
        outcomes = {signal: {"sent": found.sent, "lost": found.lost} for signal, found in counts.items()}
        return {(signal, outcome): count for signal, found in outcomes.items() for outcome, count in found.items()}

    metrics.counters(
        "ringward_telemetry_items_total",
        "Spans, events and states that left for a collector.",
        ("signal", "outcome"),
        items,
    )
    metrics.gauges(
        "ringward_telemetry_items_waiting",
        "Those that wait to be sent.",
        ("signal",),
        lambda: {(signal,): outbound.counts.waiting for signal, outbound in outbounds.items()},
    )
