"""Metrics as OTLP: what the registry of ``/metrics`` holds, by the same names, so that there is one catalogue.

Counters become cumulative sums, and histograms lose the running totals of their buckets; OTLP has none of them.
Source: OpenTelemetry, "Prometheus and OpenMetrics Compatibility".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from prometheus_client.core import Exemplar as SeenExemplar
from prometheus_client.core import Metric as Family
from prometheus_client.core import Sample

from telemetry.otlp_values import attributes_of, resource_of

_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_UNITS = {"seconds": "s", "bytes": "By", "ratio": "1"}
_IDS = ("trace_id", "span_id")


def otlp_metrics(
    families: Iterable[Family], *, resource: Mapping[str, str], version: str, since_ns: int, now_ns: int
) -> bytes:
    """The body of an ExportMetricsServiceRequest. since_ns: from when on is counted; both in Unix time."""
    times = _Times(since_ns, now_ns)
    scope = InstrumentationScope(name="ringward", version=version)
    metrics = [metric for family in families for metric in _metrics(family, times)]
    told = ResourceMetrics(resource=resource_of(resource), scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics)])
    return ExportMetricsServiceRequest(resource_metrics=[told]).SerializeToString()


class _Times:
    def __init__(self, since_ns: int, now_ns: int) -> None:
        self.since_ns = since_ns
        self.now_ns = now_ns


def _metrics(family: Family, times: _Times) -> Iterator[Metric]:
    """A metric for each name of numbers in a family; one for a histogram as a whole."""
    if family.type in ("histogram", "gaugehistogram"):
        shapes = [_histogram_point(labels, samples, times) for labels, samples in _by_labels(family.samples)]
        yield _metric(family, family.name, histogram=Histogram(data_points=shapes, aggregation_temporality=_CUMULATIVE))
        return
    names = dict.fromkeys(sample.name for sample in family.samples if not sample.name.endswith("_created"))
    for name in names:
        points = [_number_point(sample, times) for sample in family.samples if sample.name == name]
        if _is_counted(family, name):
            total = Sum(data_points=points, aggregation_temporality=_CUMULATIVE, is_monotonic=True)
            yield _metric(family, name, sum=total)
        else:
            yield _metric(family, name, gauge=Gauge(data_points=points))


def _is_counted(family: Family, name: str) -> bool:
    """True for counters, and for what a summary counts and sums up."""
    return family.type == "counter" or (family.type == "summary" and name != family.name)


def _metric(family: Family, name: str, **values: Sum | Gauge | Histogram) -> Metric:
    unit = family.unit or next((word for word in _UNITS if family.name.endswith(f"_{word}")), "")
    return Metric(name=name, description=family.documentation, unit=_UNITS.get(unit, unit), **values)  # type: ignore[arg-type]  # one of the three


def _number_point(sample: Sample, times: _Times) -> NumberDataPoint:
    return NumberDataPoint(
        attributes=attributes_of(sample.labels),
        start_time_unix_nano=times.since_ns,
        time_unix_nano=times.now_ns,
        as_double=sample.value,
        exemplars=_exemplars([sample], times),
    )


def _by_labels(samples: Iterable[Sample]) -> Iterator[tuple[dict[str, str], list[Sample]]]:
    """The samples of one histogram after the other; ``le`` is no label of its own."""
    found: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        found.setdefault(labels, []).append(sample)
    return ((dict(labels), own) for labels, own in found.items())


def _histogram_point(labels: Mapping[str, str], samples: list[Sample], times: _Times) -> HistogramDataPoint:
    buckets = sorted((float(sample.labels["le"]), sample.value) for sample in samples if "le" in sample.labels)
    totals = [0, *(int(value) for _, value in buckets)]
    sums = [sample.value for sample in samples if sample.name.endswith("_sum")]
    return HistogramDataPoint(
        attributes=attributes_of(labels),
        start_time_unix_nano=times.since_ns,
        time_unix_nano=times.now_ns,
        count=totals[-1],
        sum=sums[0] if sums else None,
        bucket_counts=[upper - lower for lower, upper in pairwise(totals)],
        explicit_bounds=[bound for bound, _ in buckets[:-1]],  # the last is infinity, which is left out
        exemplars=_exemplars(samples, times),
    )


def _exemplars(samples: Iterable[Sample], times: _Times) -> list[Exemplar]:
    return [_exemplar(sample.exemplar, times) for sample in samples if sample.exemplar]


def _exemplar(seen: SeenExemplar, times: _Times) -> Exemplar:
    trace_id, span_id = (bytes.fromhex(seen.labels.get(name, "")) for name in _IDS)
    return Exemplar(
        filtered_attributes=attributes_of({key: value for key, value in seen.labels.items() if key not in _IDS}),
        time_unix_nano=int(float(seen.timestamp) * 1e9) if seen.timestamp else times.now_ns,
        as_double=seen.value,
        trace_id=trace_id,
        span_id=span_id,
    )
