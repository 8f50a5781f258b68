"""Metrics as a scrape sees them: read when somebody asks, in the format that is accepted."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from telemetry.histogram import Exemplar, Histogram
from telemetry.metrics import Metrics

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


async def sample_of(metrics: Metrics, name: str, **labels: str) -> float | None:
    text, _ = await metrics.text("")
    samples = [sample for family in prometheus(text.decode()) for sample in family.samples]
    return next((found.value for found in samples if found.name == name and found.labels == labels), None)


async def test_a_metric_tells_what_is_so_when_it_is_read() -> None:
    metrics, counted = Metrics(), [1]
    metrics.counter("ringward_things_total", "Things.", lambda: counted[0])
    assert await sample_of(metrics, "ringward_things_total") == 1
    counted[0] = 5
    assert await sample_of(metrics, "ringward_things_total") == 5


async def test_series_come_and_go_with_what_they_are_of() -> None:
    metrics = Metrics()
    peers: dict[tuple[str, ...], float] = {("a:1",): 1.0}
    metrics.gauges("ringward_peer_connected", "Peers.", ("peer",), lambda: peers)
    assert await sample_of(metrics, "ringward_peer_connected", peer="a:1") == 1
    peers.clear()
    assert await sample_of(metrics, "ringward_peer_connected", peer="a:1") is None


async def test_what_is_not_known_is_not_told() -> None:
    metrics = Metrics()
    metrics.gauge("ringward_lag_seconds", "Lag.", lambda: None)
    assert await sample_of(metrics, "ringward_lag_seconds") is None


async def test_a_histogram_tells_its_buckets_one_up_to_the_next() -> None:
    metrics, histogram = Metrics(), Histogram((0.5, 2))
    metrics.histogram("ringward_wait_seconds", "Wait.", lambda: histogram)
    for value in (0.1, 1.0, 9.0):
        histogram.observe(value)
    buckets = [await sample_of(metrics, "ringward_wait_seconds_bucket", le=bound) for bound in ("0.5", "2.0", "+Inf")]
    assert buckets == [1, 2, 3]
    assert await sample_of(metrics, "ringward_wait_seconds_count") == 3
    assert await sample_of(metrics, "ringward_wait_seconds_sum") == pytest.approx(10.1)


async def test_exemplars_are_told_in_openmetrics_where_they_belong() -> None:
    metrics, histogram = Metrics(), Histogram((0.5, 2))
    metrics.histogram("ringward_wait_seconds", "Wait.", lambda: histogram)
    histogram.observe(1.0)
    histogram.illustrate(Exemplar("4bf92f3577b34da6a3ce929d0e0e4736", 1.0, 1234.5))
    text, media_type = await metrics.text(OPENMETRICS)
    assert media_type.startswith("application/openmetrics-text")
    families = openmetrics(text.decode())  # type: ignore[no-untyped-call]  # as it comes
    samples = [sample for family in families for sample in family.samples]
    shown = {sample.labels["le"]: sample.exemplar for sample in samples if sample.exemplar}
    assert list(shown) == ["2.0"]
    assert shown["2.0"].labels == {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    assert (shown["2.0"].value, float(shown["2.0"].timestamp)) == (1.0, 1234.5)


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "text/plain; version=0.0.4"])
async def test_whoever_asks_for_nothing_better_gets_plain_text(accept: str) -> None:
    text, media_type = await Metrics().text(accept)
    assert media_type.startswith("text/plain")
    assert list(prometheus(text.decode()))


@pytest.mark.parametrize("name", ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"])
async def test_the_process_is_told_of(name: str) -> None:
    value = await sample_of(Metrics(), name)
    assert value is not None
    assert value > 0


async def test_others_get_their_turn_while_much_is_told() -> None:
    metrics, histogram = Metrics(), Histogram()
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    for number in range(50):
        metrics.histogram(f"ringward_wait{number}_seconds", "Wait.", lambda: histogram)
    async with asyncio.TaskGroup() as group:
        others = group.create_task(take_turns())
        await asyncio.sleep(0)
        text, _ = await metrics.text("")
        others.cancel()
    assert len(text.splitlines()) > 50 * len(histogram.bounds)
    assert turns > 50
