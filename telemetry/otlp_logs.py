"""Events of the log as OTLP's records: the same events as on the error stream, with secrets masked as there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber

from telemetry.otlp_values import attributes_of, resource_of

Event = Mapping[str, object]

_SEVERITIES = {
    "debug": SeverityNumber.SEVERITY_NUMBER_DEBUG,
    "info": SeverityNumber.SEVERITY_NUMBER_INFO,
    "warning": SeverityNumber.SEVERITY_NUMBER_WARN,
    "error": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "critical": SeverityNumber.SEVERITY_NUMBER_FATAL,
}
_OWN_PLACES = frozenset({"event", "level", "timestamp", "trace_id", "span_id"})
_OTHER_NAMES = {"exception": "exception.stacktrace"}  # Source: OpenTelemetry semantic conventions, "Exceptions in logs"
_SAMPLED = 1


def otlp_logs(resource: Mapping[str, str], version: str) -> Callable[[Sequence[Event]], bytes]:
    """What makes the body of an ExportLogsServiceRequest of some events."""
    source = resource_of(resource)
    scope = InstrumentationScope(name="ringward", version=version)

    def encode(events: Sequence[Event]) -> bytes:
        told = ScopeLogs(scope=scope, log_records=[_record(event) for event in events])
        request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=source, scope_logs=[told])])
        return request.SerializeToString()

    return encode


def _record(event: Event) -> LogRecord:
    level = str(event.get("level", ""))
    at_ns = _nanoseconds(str(event.get("timestamp", "")))
    trace_id, span_id = str(event.get("trace_id", "")), str(event.get("span_id", ""))
    facts = {_OTHER_NAMES.get(name, name): value for name, value in event.items() if name not in _OWN_PLACES}
    return LogRecord(
        time_unix_nano=at_ns,
        observed_time_unix_nano=at_ns,
        severity_number=_SEVERITIES.get(level, SeverityNumber.SEVERITY_NUMBER_UNSPECIFIED),
        severity_text=level,
        body=AnyValue(string_value=str(event.get("event", ""))),
        attributes=attributes_of(facts),
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span_id),
        flags=_SAMPLED if trace_id else 0,
    )


def _nanoseconds(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp() * 1e6) * 1000 if timestamp else 0
