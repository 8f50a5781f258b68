"""What ``/metrics`` shows as OTLP: the same names and numbers, with what OTLP has differently put right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary

from telemetry.otlp_metrics import otlp_metrics
from tests.support.collector import values_of

SINCE_NS, NOW_NS = 1_000, 9_000


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def sent(registry: CollectorRegistry) -> dict[str, Metric]:
    body = otlp_metrics(
        registry.collect(), resource={"service.name": "tests"}, version="1.2", since_ns=SINCE_NS, now_ns=NOW_NS
    )
    (told,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    assert values_of(told.resource.attributes) == {"service.name": "tests"}
    (scope,) = told.scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("ringward", "1.2")
    return {metric.name: metric for metric in scope.metrics}


def numbers(points: Any) -> dict[tuple[str, ...], float]:
    return {tuple(values_of(point.attributes).values()): point.as_double for point in points}


def test_a_counter_is_a_sum_that_only_grows_under_its_whole_name(registry: CollectorRegistry) -> None:
    counter = Counter("ringward_calls", "How many.", ["rpc", "code"], registry=registry)
    counter.labels("Check", "OK").inc(3)
    counter.labels("Check", "INTERNAL").inc()

    metrics = sent(registry)
    assert list(metrics) == ["ringward_calls_total"]
    metric = metrics["ringward_calls_total"]
    assert metric.description == "How many."
    assert metric.sum.is_monotonic
    assert metric.sum.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert numbers(metric.sum.data_points) == {("Check", "OK"): 3, ("Check", "INTERNAL"): 1}
    assert {(point.start_time_unix_nano, point.time_unix_nano) for point in metric.sum.data_points} == {
        (SINCE_NS, NOW_NS)
    }


def test_a_gauge_is_a_gauge(registry: CollectorRegistry) -> None:
    Gauge("ringward_members", "How many.", registry=registry).set(3)
    assert numbers(sent(registry)["ringward_members"].gauge.data_points) == {(): 3}


def test_a_histogram_counts_each_bucket_by_itself(registry: CollectorRegistry) -> None:
    histogram = Histogram("ringward_call_seconds", "How long.", ["rpc"], buckets=[0.1, 1, 10], registry=registry)
    for seconds in (0.05, 0.06, 0.5, 20):
        histogram.labels("Check").observe(seconds)
    histogram.labels("Write").observe(5)

    metric = sent(registry)["ringward_call_seconds"]
    assert metric.unit == "s"
    check, write = metric.histogram.data_points
    assert values_of(check.attributes) == {"rpc": "Check"}
    assert list(check.explicit_bounds) == [0.1, 1, 10]
    assert list(check.bucket_counts) == [2, 1, 0, 1]
    assert check.count == 4
    assert check.sum == pytest.approx(20.61)
    assert list(write.bucket_counts) == [0, 0, 1, 0]


@given(st.lists(st.floats(0, 100), max_size=50), st.lists(st.floats(0.1, 99), min_size=1, max_size=8, unique=True))
def test_buckets_add_up_to_the_count(observed: list[float], bounds: list[float]) -> None:
    registry = CollectorRegistry()
    histogram = Histogram("h", "h", buckets=sorted(bounds), registry=registry)
    for value in observed:
        histogram.observe(value)
    (point,) = sent(registry)["h"].histogram.data_points
    assert sum(point.bucket_counts) == point.count == len(observed)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    edges = [-1.0, *point.explicit_bounds, float("inf")]
    for index, count in enumerate(point.bucket_counts):
        assert count == sum(edges[index] < value <= edges[index + 1] for value in observed)


def test_an_exemplar_leads_to_its_trace(registry: CollectorRegistry) -> None:
    histogram = Histogram("ringward_call_seconds", "How long.", buckets=[1], registry=registry)
    histogram.observe(0.5, {"trace_id": "ab" * 16})
    (point,) = sent(registry)["ringward_call_seconds"].histogram.data_points
    (exemplar,) = point.exemplars
    assert exemplar.trace_id == bytes.fromhex("ab" * 16)
    assert exemplar.as_double == 0.5
    assert exemplar.time_unix_nano > 0


def test_summaries_and_infos_lose_nothing(registry: CollectorRegistry) -> None:
    Summary("ringward_pause_seconds", "How long.", registry=registry).observe(2)
    Info("ringward_build", "What.", registry=registry).info({"version": "1.2"})
    metrics = sent(registry)
    assert numbers(metrics["ringward_pause_seconds_count"].sum.data_points) == {(): 1}
    assert numbers(metrics["ringward_pause_seconds_sum"].sum.data_points) == {(): 2}
    assert numbers(metrics["ringward_build_info"].gauge.data_points) == {("1.2",): 1}


@pytest.mark.parametrize(
    ("name", "unit"), [("a_bytes", "By"), ("a_seconds_left", ""), ("a_ratio", "1"), ("abytes", ""), ("members", "")]
)
def test_units_follow_from_names(registry: CollectorRegistry, name: str, unit: str) -> None:
    Gauge(name, "What.", registry=registry).set(1)
    assert sent(registry)[name].unit == unit


def test_nothing_to_tell_is_no_metric(registry: CollectorRegistry) -> None:
    assert sent(registry) == {}
