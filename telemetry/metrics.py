"""Metrics as Prometheus reads them: what components count for themselves is looked at when somebody asks.

Nobody but this module knows the client library. A metric is a name, a meaning and a way to read it now; so it costs
nothing until it is read, and cannot differ from what its component knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as ShownExemplar
from prometheus_client.utils import floatToGoString

from telemetry.histogram import Exemplar, Histogram

Labels: TypeAlias = tuple[str, ...]
Numbers: TypeAlias = Mapping[Labels, float]
"""A number for each series, by the values of its labels."""


class Metrics:
    """What a node tells of itself, in the order it was declared. Beside it, what there is to tell of any process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._own = _Own()
        self._registry.register(self._own)

    def __repr__(self) -> str:
        return f"<Metrics {len(self._own.families)} declared>"

    def counter(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Declare what only grows. The name ends in ``_total``."""
        self.counters(name, meaning, (), lambda: {(): read()})

    def gauge(self, name: str, meaning: str, read: Callable[[], float | None]) -> None:
        """Declare what goes up and down; None while there is nothing to tell."""
        self.gauges(name, meaning, (), lambda: {} if (value := read()) is None else {(): value})

    def histogram(self, name: str, meaning: str, read: Callable[[], Histogram]) -> None:
        """Declare a distribution of values."""
        self.histograms(name, meaning, (), lambda: {(): read()})

    def counters(self, name: str, meaning: str, labels: Sequence[str], read: Callable[[], Numbers]) -> None:
        """Declare counters told apart by labels, whose values must come from small closed sets."""
        self._declare(name, meaning, labels, read, CounterMetricFamily)

    def gauges(self, name: str, meaning: str, labels: Sequence[str], read: Callable[[], Numbers]) -> None:
        """Declare gauges, as ``counters``."""
        self._declare(name, meaning, labels, read, GaugeMetricFamily)

    def histograms(
        self, name: str, meaning: str, labels: Sequence[str], read: Callable[[], Mapping[Labels, Histogram]]
    ) -> None:
        """Declare distributions, as ``counters``."""

        def family() -> Metric:
            found = HistogramMetricFamily(name, meaning, labels=labels)
            for values, histogram in read().items():
                found.add_metric(values, _buckets(histogram), histogram.sum)
            return found

        self._own.families.append(family)

    async def text(self, accept: str) -> tuple[bytes, str]:
        """Everything as it is now, in the best format that is accepted, and that format's media type.

        accept: the header of that name. Prometheus' text format if nothing else is asked for. Read in turns, and
        written by a thread: a thousand lines take some 10 ms.
        """
        encode, media_type = choose_encoder(accept)
        read = _Read()
        for family in self._registry.collect():
            read.families.append(family)
            await asyncio.sleep(0)
        return await asyncio.to_thread(encode, read), media_type

    def families(self) -> Iterable[Metric]:
        """Everything as it is now."""
        return self._registry.collect()

    def _declare(
        self,
        name: str,
        meaning: str,
        labels: Sequence[str],
        read: Callable[[], Numbers],
        kind: type[CounterMetricFamily | GaugeMetricFamily],
    ) -> None:
        def family() -> Metric:
            found = kind(name, meaning, labels=labels)
            for values, number in read().items():
                found.add_metric(values, number)
            return found

        self._own.families.append(family)


class _Read(Collector):
    """What has been read, to be written."""

    def __init__(self) -> None:
        self.families: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        return self.families


class _Own(Collector):
    def __init__(self) -> None:
        self.families: list[Callable[[], Metric]] = []

    def collect(self) -> Iterator[Metric]:
        for family in self.families:
            yield family()


def _buckets(histogram: Histogram) -> Sequence[tuple[str, float] | tuple[str, float, ShownExemplar]]:
    bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
    return [
        (bound, count, _shown(histogram.exemplars[place])) if place in histogram.exemplars else (bound, count)
        for place, (bound, count) in enumerate(zip(bounds, histogram.up_to, strict=True))
    ]


def _shown(exemplar: Exemplar) -> ShownExemplar:
    return ShownExemplar({"trace_id": exemplar.trace_id}, exemplar.value, exemplar.time_s)
