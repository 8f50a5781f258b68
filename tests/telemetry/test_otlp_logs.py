"""Events of the log as OTLP's records: what the error stream says, with severity, attributes and trace."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from telemetry.log_tap import LogTap
from telemetry.logs import LogLevel, configure_logs
from telemetry.otlp_logs import otlp_logs
from telemetry.sampling import Sampler, Sampling, Start
from telemetry.spans import within
from telemetry.tracing import Tracer
from tests.support.collector import values_of


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def events() -> list[Any]:
    """What is logged from now on, as JSON on the stream."""
    return logged(as_json=True)


def logged(*, as_json: bool) -> list[Any]:
    events: list[Any] = []
    configure_logs(LogLevel.INFO, json=as_json, stream=io.StringIO(), tap=events.append)
    return events


def record_of(event: Any) -> LogRecord:
    body = otlp_logs({"service.name": "tests"}, "1.2")([event])
    (told,) = ExportLogsServiceRequest.FromString(body).resource_logs
    assert values_of(told.resource.attributes) == {"service.name": "tests"}
    return told.scope_logs[0].log_records[0]


@pytest.mark.parametrize("as_json", [True, False])
def test_an_event_is_a_record(as_json: bool) -> None:
    events = logged(as_json=as_json)
    structlog.get_logger().warning("a peer is gone", peer="n1:5000", tries=3, share=0.5, is_last=True, seen=None)

    record = record_of(events[0])
    assert record.body.string_value == "a peer is gone"
    assert (record.severity_text, record.severity_number) == ("warning", 13)
    assert record.time_unix_nano > 1_600_000_000_000_000_000
    facts = {"peer": "n1:5000", "tries": 3, "share": 0.5, "is_last": True, "seen": "None"}
    assert values_of(record.attributes) == facts


def test_secrets_are_masked_as_on_the_stream(events: list[Any]) -> None:
    structlog.get_logger().info("called", authorization="Bearer hush", keys=["hush"])
    assert b"hush" not in otlp_logs({}, "")(events)


def test_an_exception_brings_its_traceback_whole(events: list[Any]) -> None:
    try:
        raise KeyError("lost")
    except KeyError as error:
        structlog.get_logger().error("call failed", exc_info=error)
    record = record_of(events[0])
    stack = values_of(record.attributes)["exception.stacktrace"]
    assert stack.splitlines()[-1] == "KeyError: 'lost'"
    assert record.severity_number == 17


def test_a_record_of_a_traced_call_leads_to_its_span(events: list[Any]) -> None:
    tracer = Tracer(Sampling(Sampler.ALWAYS, 1.0, lambda: 0.0), {}, "1", lambda _: None)
    with within(tracer.begin("call", Start(None))) as span:
        structlog.get_logger().info("in it")
    structlog.get_logger().info("after it")
    inside, outside = map(record_of, events)
    assert span
    assert (inside.trace_id.hex(), inside.span_id.hex(), inside.flags) == (span.trace_id, span.span_id, 1)
    assert (outside.trace_id, outside.span_id, outside.flags) == (b"", b"", 0)


def test_events_of_libraries_are_records_too(events: list[Any]) -> None:
    logging.getLogger("asyncio").warning("slow: %s", "x")
    record = record_of(events[0])
    assert record.body.string_value == "slow: x"
    assert not any(name.startswith("_") for name in values_of(record.attributes))


def test_what_is_below_the_level_goes_nowhere(events: list[Any]) -> None:
    structlog.get_logger().debug("details")
    assert not events


def test_text_that_is_no_unicode_and_numbers_beyond_64_bits_are_told_somehow(events: list[Any]) -> None:
    structlog.get_logger().info("odd", text="a\ud800b", number=2**70, many=[1, 2])
    facts = values_of(record_of(events[0]).attributes)
    assert facts == {"text": "a?b", "number": str(2**70), "many": "[1, 2]"}


def test_a_tap_keeps_what_came_before_somebody_takes_it() -> None:
    tap = LogTap()
    taken: list[Any] = []
    tap({"event": "first"})
    tap.flow_into(taken.append)
    tap({"event": "second"})
    tap.dry_up()
    tap({"event": "third"})
    assert [event["event"] for event in taken] == ["first", "second"]


def test_a_tap_that_nobody_opens_keeps_no_more_than_some() -> None:
    tap = LogTap()
    for number in range(5_000):
        tap({"number": number})
    taken: list[Any] = []
    tap.flow_into(taken.append)
    assert [event["number"] for event in taken] == list(range(4_000, 5_000))
