"""Metrics of calls: how many, how they ended, how long they took, and who was turned away."""

from __future__ import annotations

from api.cluster_limit import ClusterLimit
from api.entrance import Entrance
from telemetry.call_metrics import CallMetrics
from telemetry.metrics import Metrics

_RPC = ("transport", "rpc")


def declare_calls(metrics: Metrics, calls: CallMetrics) -> None:
    """Requests, by RPC."""
    metrics.counters(
        "ringward_requests_total",
        "Calls that have ended.",
        (*_RPC, "code"),
        lambda: {(*place, code): count for place, rpc in calls.seen.items() for code, count in rpc.codes.items()},
    )
    metrics.histograms(
        "ringward_request_duration_seconds",
        "From the arrival of calls to the end of their answers.",
        _RPC,
        lambda: {place: rpc.durations_s for place, rpc in calls.seen.items()},
    )
    metrics.gauges(
        "ringward_requests_in_progress",
        "Calls that have not ended yet.",
        _RPC,
        lambda: {place: rpc.in_progress for place, rpc in calls.seen.items()},
    )


def declare_admission(metrics: Metrics, entrance: Entrance) -> None:
    """What the entrance lets in, and what not."""
    metrics.counters(
        "ringward_requests_refused_total",
        "Calls turned away before they were read.",
        ("reason",),
        lambda: {
            ("unauthenticated",): entrance.unauthenticated,
            ("rate_limit",): entrance.bucket.refused,
            ("cluster_rate_limit",): entrance.cluster_limit.refused if entrance.cluster_limit else 0,
            ("calls_at_once",): entrance.calls.refused,
            ("streams_at_once",): entrance.streams.refused,
        },
    )
    metrics.gauge(
        "ringward_rate_limit_calls_per_second",
        "What the rate limit of this node allows; 0 for no limit.",
        lambda: max(0, entrance.bucket.per_s),
    )
    places = {("calls",): entrance.calls, ("streams",): entrance.streams}
    metrics.gauges(
        "ringward_concurrency_in_use",
        "Calls and streams in progress.",
        ("kind",),
        lambda: {kind: some.taken for kind, some in places.items()},
    )
    metrics.gauges(
        "ringward_concurrency_limit",
        "How many may be in progress; 0 for no limit.",
        ("kind",),
        lambda: {kind: max(0, some.most) for kind, some in places.items()},
    )
    if entrance.cluster_limit is not None:
        _declare_cluster_limit(metrics, entrance.cluster_limit)


def _declare_cluster_limit(metrics: Metrics, limit: ClusterLimit) -> None:
    metrics.gauge(
        "ringward_cluster_rate_limit_kept",
        "1 if the nodes keep the rate limit together, 0 while its Redis is away.",
        lambda: not limit.is_away,
    )
