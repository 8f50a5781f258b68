"""Sending to a real receiver, over HTTP and gRPC: what arrives, and what is made of every sort of bad answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp.web
import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan

from telemetry.destinations import Destination, Given, Signal
from telemetry.otlp_logs import otlp_logs
from telemetry.otlp_sending import Sender, post_to
from telemetry.otlp_spans import joined_arrays, otlp_spans, zipkin_spans
from telemetry.outbound import NotTaken
from telemetry.sampling import Sampler, Sampling, Start
from telemetry.tracing import Tracer
from tests.support.collector import Collector, Manner, values_of

EVENT = {"event": "hello", "level": "info", "timestamp": "2026-11-22T07:00:00Z", "number": 7}
both_wires = pytest.mark.parametrize("protocol", ["http", "grpc"])


@pytest_asyncio.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector().running() as running:
        yield running


def towards(collector: Collector, protocol: str, signal: Signal = Signal.LOGS, **values: Any) -> Destination:
    port = collector.grpc_port if protocol == "grpc" else collector.http_port
    return Destination.of(signal, Given("otlp", f"127.0.0.1:{port}", True, "", values.get("headers", ()), protocol))


async def send_logs(destination: Destination, events: Sequence[Any] = (EVENT,)) -> None:
    async with post_to(Signal.LOGS, destination) as post:
        await Sender(Signal.LOGS, post, otlp_logs({"service.name": "tests"}, "1"))(events)


def spans(count: int) -> list[ReadableSpan]:
    ended: list[ReadableSpan] = []
    tracer = Tracer(Sampling(Sampler.ALWAYS, 1.0, lambda: 0.0), {"service.instance.id": "me"}, "1", ended.append)
    for number in range(count):
        span = tracer.begin("call", Start(None))
        span.note("number", number)
        span.end()
    return ended


@both_wires
async def test_a_batch_arrives_whole_and_in_order_with_its_headers(collector: Collector, protocol: str) -> None:
    destination = towards(collector, protocol, headers=("X-Scope: t1",))
    await send_logs(destination, [{**EVENT, "number": number} for number in range(100)])

    assert [values_of(record.attributes)["number"] for record in collector.records] == list(range(100))
    assert collector.headers[0]["x-scope"] == "t1"
    assert collector.paths == ["/v1/logs" if protocol == "http" else "grpc:logs"]


@both_wires
async def test_spans_arrive(collector: Collector, protocol: str) -> None:
    destination = towards(collector, protocol, Signal.TRACES)
    async with post_to(Signal.TRACES, destination) as post:
        await Sender(Signal.TRACES, post, otlp_spans({"service.instance.id": "me"}, "1"))(spans(60))
    assert [values_of(span.attributes)["number"] for span in collector.spans] == list(range(60))
    assert {instance for instance, _ in collector.spans_by_service()} == {"me"}


@both_wires
@pytest.mark.parametrize(
    ("manner", "may_come_again"),
    [(Manner.REFUSING, False), (Manner.BUSY, True), (Manner.GARBAGE, False), (Manner.WEB_PAGE, False)],
)
async def test_a_bad_answer_is_told_from_a_good_one(
    collector: Collector, protocol: str, manner: Manner, may_come_again: bool
) -> None:
    collector.manner = manner
    with pytest.raises(NotTaken) as failure:
        await send_logs(towards(collector, protocol))
    assert failure.value.may_come_again is may_come_again


@both_wires
async def test_what_was_rejected_of_a_batch_is_counted(collector: Collector, protocol: str) -> None:
    collector.manner = Manner.PARTIAL
    with pytest.raises(NotTaken, match="1 were rejected: one is too old") as failure:
        await send_logs(towards(collector, protocol))
    assert failure.value.items == 1


@both_wires
async def test_where_nobody_listens_it_may_come_again(collector: Collector, protocol: str) -> None:
    destination = towards(collector, protocol)
    await collector.stop()
    with pytest.raises(NotTaken) as failure:
        await send_logs(destination)
    assert failure.value.may_come_again


@both_wires
async def test_sending_to_one_who_never_answers_can_be_given_up(collector: Collector, protocol: str) -> None:
    collector.manner = Manner.SILENT
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await send_logs(towards(collector, protocol))


@both_wires
async def test_an_unencrypted_receiver_is_not_spoken_to_where_encryption_is_wanted(
    collector: Collector, protocol: str
) -> None:
    port = collector.grpc_port if protocol == "grpc" else collector.http_port
    wanted = Given("otlp", f"127.0.0.1:{port}", False, "", (), protocol)
    with pytest.raises(NotTaken):
        await send_logs(Destination.of(Signal.LOGS, wanted))
    assert not collector.records


async def test_zipkin_gets_one_array_of_all_spans() -> None:
    bodies: list[Any] = []

    async def take(request: aiohttp.web.Request) -> aiohttp.web.Response:
        assert request.path == "/api/v2/spans"
        bodies.append(json.loads(await request.read()))
        return aiohttp.web.Response(status=202)

    app = aiohttp.web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
        destination = Destination.of(Signal.TRACES, Given("zipkin", endpoint, False, "", ()))
        async with post_to(Signal.TRACES, destination) as post:
            await Sender(Signal.TRACES, post, zipkin_spans("shop"), joined_arrays)(spans(60))
    finally:
        await runner.cleanup()
    (body,) = bodies
    assert [span["tags"]["number"] for span in body] == [str(number) for number in range(60)]
    assert {span["localEndpoint"]["serviceName"] for span in body} == {"shop"}
