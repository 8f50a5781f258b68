"""What a node tells collectors, as a real one hears it; and that nobody but the collector notices when it fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import grpc
import pytest
import pytest_asyncio
import structlog
from google.rpc.error_details_pb2 import RequestInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from structlog.testing import capture_logs

from api.rest.settings import RestSettings
from node.node import Node, open_node
from node.settings import GrpcTransport, NodeSettings
from storage.sqlite import SqliteStorage
from telemetry.destinations import Destination, Given, Signal
from telemetry.log_tap import LogTap
from telemetry.logs import LogLevel, configure_logs
from telemetry.sampling import Sampler
from telemetry.settings import LogSettings, MeterSettings, TelemetrySettings, TraceSettings
from tests.cli.program import ROOT
from tests.support.client import Client, check_request
from tests.support.collector import Collector, Manner, values_of
from tests.support.eventually import eventually

SCHEMA = """
entity user {}
entity folder {
  relation viewer @user
}
entity doc {
  relation parent @folder
  relation viewer @user
  permission view = viewer or parent.viewer
}
"""
QUESTION = "doc:1#view@user:ann"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STOPS_WITHIN_S = 5.0
SOON_S = 2.0  # for an answer on a very busy machine
both_wires = pytest.mark.parametrize("protocol", ["http", "grpc"])
both_transports = pytest.mark.parametrize("transport", [GrpcTransport.NATIVE, GrpcTransport.GRPCIO])


@pytest_asyncio.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector().running() as running:
        yield running


@pytest.fixture
def settings(in_memory: NodeSettings) -> NodeSettings:
    """A node that serves REST too."""
    return replace(in_memory, http=RestSettings(port=0))


def towards(collector: Collector, signal: Signal, protocol: str = "http") -> Destination:
    port = collector.grpc_port if protocol == "grpc" else collector.http_port
    return Destination.of(signal, Given("otlp", f"127.0.0.1:{port}", True, "", (), protocol))


def tracing(settings: NodeSettings, collector: Collector, protocol: str = "http", **options: Any) -> NodeSettings:
    traces = TraceSettings(towards(collector, Signal.TRACES, protocol), **options)
    return replace(settings, telemetry=replace(settings.telemetry, traces=traces, release="1.2"))


@asynccontextmanager
async def filled(settings: NodeSettings, tap: LogTap | None = None) -> AsyncIterator[tuple[Node, Client]]:
    """A node with something to ask for, and a client of it."""
    async with open_node(settings, tap) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write("doc:1#parent@folder:1#...", "folder:1#viewer@user:ann")
        yield node, client


async def check_over_grpc(node: Node, headers: dict[str, str]) -> None:
    async with grpc.aio.insecure_channel(node.grpc_address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/base.v1.Permission/Check")
        await call(check_request(QUESTION).SerializeToString(), metadata=tuple(headers.items()))


async def check_over_rest(node: Node, headers: dict[str, str]) -> aiohttp.ClientResponse:
    body = {
        "metadata": {"depth": 20},
        "entity": {"type": "doc", "id": "1"},
        "permission": "view",
        "subject": {"type": "user", "id": "ann"},
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{node.rest_url}/v1/tenants/t1/permissions/check", json=body, headers=headers) as response,
    ):
        return response


async def broken(*_: object) -> None:
    """What a store does that has a bug."""
    raise KeyError("a bug")


def checks(collector: Collector) -> list[Span]:
    return [span for span in collector.spans if span.name == "base.v1.Permission/Check"]


def pieces_of(collector: Collector, whole: Span) -> list[Span]:
    return [span for span in collector.spans if span.parent_span_id == whole.span_id]


# --- traces ---


@both_transports
@both_wires
async def test_a_check_is_a_trace_of_what_was_done_for_it(
    settings: NodeSettings, collector: Collector, transport: GrpcTransport, protocol: str
) -> None:
    async with filled(tracing(replace(settings, grpc_transport=transport), collector, protocol)) as (_, client):
        for _ in range(2):
            assert await client.can(QUESTION)

    looked_up, cached = checks(collector)
    notes = values_of(looked_up.attributes)
    assert notes["ringward.cache"] == "miss"
    assert (notes["rpc.method"], notes["rpc.grpc.status_code"], notes["ringward.transport"]) == ("Check", 0, "grpc")
    assert (notes["ringward.tenant"], notes["ringward.entity"]) == ("t1", "doc:1")
    assert (notes["ringward.permission"], notes["ringward.subject"]) == ("view", "user:ann")
    assert [span.name for span in pieces_of(collector, looked_up)] == ["storage.head", "engine.round", "engine.round"]
    rounds = [span for span in pieces_of(collector, looked_up) if span.name == "engine.round"]
    assert [values_of(span.attributes)["ringward.round"] for span in rounds] == [0, 1]
    assert [values_of(span.attributes)["ringward.entities"] for span in rounds] == [1, 1]
    for of_a_round in rounds:
        assert [span.name for span in pieces_of(collector, of_a_round)] == ["storage.read"]
    assert values_of(cached.attributes)["ringward.cache"] == "hit"
    assert [span.name for span in pieces_of(collector, cached)] == ["storage.head"]
    assert looked_up.trace_id != cached.trace_id
    assert all(span.trace_id == looked_up.trace_id for span in pieces_of(collector, looked_up))


async def test_who_asked_together_is_told_apart(settings: NodeSettings, collector: Collector) -> None:
    async with filled(tracing(settings, collector)) as (_, client), asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(client.can(QUESTION))
    outcomes = [values_of(span.attributes)["ringward.cache"] for span in checks(collector)]
    assert len({span.trace_id for span in checks(collector)}) == 8
    assert outcomes.count("miss") == 1
    assert set(outcomes) <= {"miss", "joined", "hit"}


@both_transports
@pytest.mark.parametrize("over", [check_over_grpc, check_over_rest])
async def test_a_callers_trace_goes_on_if_it_is_sampled(
    settings: NodeSettings, collector: Collector, transport: GrpcTransport, over: Any
) -> None:
    traced = tracing(replace(settings, grpc_transport=transport), collector, sample_ratio=0.0)
    async with filled(traced) as (node, _):
        await over(node, {"traceparent": f"00-{TRACE}-{PARENT}-00"})
        await over(node, {})
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=a", "x-request-id": "r1"}
        await over(node, headers)
    (span,) = checks(collector)
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) == (TRACE, PARENT, "vendor=a")
    notes = values_of(span.attributes)
    assert notes["ringward.transport"] == ("http" if over is check_over_rest else "grpc")
    assert notes["ringward.request_id"] == "r1"
    assert notes["ringward.tenant"] == "t1"
    assert {other.trace_id.hex() for other in collector.spans} == {TRACE}, "nothing else was to be traced"


async def test_a_sampler_that_never_samples_sends_nothing(settings: NodeSettings, collector: Collector) -> None:
    async with filled(tracing(settings, collector, sampler=Sampler.NEVER)) as (node, client):
        assert await client.can(QUESTION)
        await check_over_grpc(node, {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert not collector.paths


@both_transports
async def test_a_refusal_is_no_failure_and_a_failing_store_is_one(
    settings: NodeSettings, collector: Collector, transport: GrpcTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with filled(tracing(replace(settings, grpc_transport=transport), collector)) as (_, client):
        with pytest.raises(grpc.aio.AioRpcError):
            await client.can("doc:1#nothing@user:ann")
        monkeypatch.setattr(SqliteStorage, "news", broken)
        with pytest.raises(grpc.aio.AioRpcError):
            await client.can(QUESTION)
    refused, failed = checks(collector)
    assert (refused.status.code, values_of(refused.attributes)["rpc.grpc.status_code"]) == (0, 5)
    assert "nothing" in values_of(refused.attributes)["ringward.refusal"]
    assert (failed.status.code, failed.status.message) == (2, "INTERNAL: KeyError")


async def test_a_long_list_is_one_trace_with_its_reads(settings: NodeSettings, collector: Collector) -> None:
    async with filled(tracing(settings, collector)) as (node, _):
        body = {"metadata": {"depth": 20}, "entity_type": "doc", "permission": "view"}
        subject = {"subject": {"type": "user", "id": "ann"}}
        url = f"{node.rest_url}/v1/tenants/t1/permissions/lookup-entity-stream"
        async with aiohttp.ClientSession() as session, session.post(url, json={**body, **subject}) as response:
            assert b'"entity_id":"1"' in (await response.read()).replace(b" ", b"")
    (span,) = [span for span in collector.spans if span.name.endswith("LookupEntityStream")]
    assert values_of(span.attributes)["ringward.entity_type"] == "doc"
    assert "storage.list" in {piece.name for piece in collector.spans if piece.trace_id == span.trace_id}


# --- request ids ---


async def test_a_request_id_comes_back_over_rest(settings: NodeSettings) -> None:
    async with filled(settings) as (node, _):
        assert (await check_over_rest(node, {"x-request-id": "r 1"})).headers["x-request-id"] == "r 1"
        assert "x-request-id" not in (await check_over_rest(node, {})).headers
        assert "x-request-id" not in (await check_over_rest(node, {"x-request-id": "x" * 200})).headers


@both_transports
async def test_whoever_meets_a_bug_is_told_by_which_id_the_log_names_it(
    settings: NodeSettings, transport: GrpcTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []
    with logging_to(events.append):
        async with filled(replace(settings, grpc_transport=transport)) as (_, client):
            monkeypatch.setattr(SqliteStorage, "news", broken)
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await client.can(QUESTION)
    metadata: Any = failure.value.trailing_metadata()
    told = RequestInfo()
    assert Status.FromString(dict(metadata)["grpc-status-details-bin"]).details[0].Unpack(told)
    (event,) = [event for event in events if event["event"] == "call failed"]
    assert event["request_id"] == told.request_id != ""


# --- metrics ---


@both_wires
async def test_metrics_are_sent_again_and_again_and_at_the_end(
    settings: NodeSettings, collector: Collector, protocol: str
) -> None:
    traced = tracing(settings, collector)
    metrics = MeterSettings(towards(collector, Signal.METRICS, protocol), interval_s=0.2)
    async with filled(replace(traced, telemetry=replace(traced.telemetry, metrics=metrics))) as (_, client):

        async def were_sent_twice() -> bool:
            return len(collector.metrics) >= 2

        await eventually(were_sent_twice)
        for _ in range(3):
            assert await client.can(QUESTION)
    last = collector.metrics[-1]
    by_rpc = {
        values_of(point.attributes)["rpc"]: point
        for point in last["ringward_request_duration_seconds"].histogram.data_points
    }
    check = by_rpc["base.v1.Permission/Check"]
    assert check.count == 3
    known = {span.trace_id for span in checks(collector)}
    assert {exemplar.trace_id for exemplar in check.exemplars} <= known
    assert check.exemplars


# --- logs ---


@pytest.fixture
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class logging_to:  # noqa: N801 - used like a function
    """While the context lasts events of the log go to a tap."""

    def __init__(self, tap: Any) -> None:
        self._tap = tap

    def __enter__(self) -> None:
        configure_logs(LogLevel.INFO, json=True, tap=self._tap)

    def __exit__(self, *_: object) -> None:
        structlog.reset_defaults()


@both_wires
async def test_events_of_the_log_are_sent_from_the_first_to_the_last(
    settings: NodeSettings, collector: Collector, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = LogSettings(towards(collector, Signal.LOGS, protocol), service_name="shop")
    traced = tracing(settings, collector)
    tap = LogTap()
    with logging_to(tap):
        structlog.get_logger().info("before all", token="hush")
        async with filled(replace(traced, telemetry=replace(traced.telemetry, logs=logs)), tap) as (_, client):
            monkeypatch.setattr(SqliteStorage, "news", broken)
            with pytest.raises(grpc.aio.AioRpcError):
                await client.can(QUESTION)
    by_text = {record.body.string_value: record for record in collector.records}
    assert values_of(by_text["before all"].attributes) == {"token": "****"}
    failed = by_text["call failed"]
    assert failed.trace_id == checks(collector)[-1].trace_id
    assert "KeyError" in values_of(failed.attributes)["exception.stacktrace"]


# --- faults ---


async def ensure_answers(client: Client, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        assert await client.can(QUESTION)
        assert time.monotonic() - began_s < SOON_S
        await asyncio.sleep(0.01)


def everything(settings: NodeSettings, collector: Collector, protocol: str) -> NodeSettings:
    return replace(
        settings,
        telemetry=TelemetrySettings(
            traces=TraceSettings(towards(collector, Signal.TRACES, protocol)),
            metrics=MeterSettings(towards(collector, Signal.METRICS, protocol), interval_s=0.3),
            logs=LogSettings(towards(collector, Signal.LOGS, protocol)),
        ),
    )


@both_wires
@pytest.mark.parametrize("manner", [None, Manner.SILENT, Manner.REFUSING, Manner.BUSY, Manner.GARBAGE])
async def test_nobody_waits_for_a_collector_that_fails(
    settings: NodeSettings, collector: Collector, protocol: str, manner: Manner | None
) -> None:
    told = everything(settings, collector, protocol)
    if manner is None:
        await collector.stop()
    else:
        collector.manner = manner
    with capture_logs() as lines:
        async with filled(told) as (_, client):
            await ensure_answers(client, 2.5)
            stopped_at_s = time.monotonic()
        assert time.monotonic() - stopped_at_s < STOPS_WITHIN_S
    warned = [line["signal"] for line in lines if line["event"] == "telemetry cannot be sent"]
    assert len(warned) == len(set(warned)), "one warning for each signal, whatever it is sent"
    assert manner is Manner.SILENT or "traces" in warned
    assert not [line for line in lines if line["log_level"] == "error"]


@both_wires
async def test_a_collector_that_comes_back_is_told_again(
    settings: NodeSettings, collector: Collector, protocol: str
) -> None:
    await collector.stop()
    with capture_logs() as lines:
        async with filled(tracing(settings, collector, protocol)) as (_, client):

            def said(event: str) -> Any:
                async def it_was() -> bool:
                    return any(line["event"] == event for line in lines)

                return it_was

            await ensure_answers(client, 0.1)
            await eventually(said("telemetry cannot be sent"))
            await collector.start()
            await eventually(said("telemetry is sent again"), patience_s=30)
            await ensure_answers(client, 0.1)
    assert checks(collector)
    assert [line["event"] for line in lines if "telemetry" in line["event"]] == [
        "telemetry cannot be sent",
        "telemetry is sent again",
    ]


# --- nothing ---


def test_a_node_that_sends_nothing_loads_nothing_for_it() -> None:
    program = """
import asyncio, sys
from node.node import open_node
from node.settings import NodeSettings

async def run():
    async with open_node(NodeSettings(host="127.0.0.1", grpc_port=0)):
        print({name.split(".")[0] for name in sys.modules} & {"opentelemetry", "requests", "prometheus_client"})

asyncio.run(run())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"
