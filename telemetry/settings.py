"""What is sent to collectors, and how; everything is off unless it is told where to go."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.destinations import Destination
from telemetry.sampling import Sampler


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Traces. sampler, sample_ratio: which calls, see ``Sampler``.

    All calls are traced unless a caller or the ratio says otherwise, as Permify and OpenTelemetry's SDKs have it: a
    first trace should not have to be waited for. A traced check costs several times what a cached one does, so at more
    than some hundred calls per second a ratio of 0.01 is enough to see by.
    """

    destination: Destination
    service_name: str = "ringward"
    sampler: Sampler = Sampler.PARENT
    sample_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """Metrics: everything ``/metrics`` shows, each time ``interval_s`` is over, and once more at the end."""

    destination: Destination
    service_name: str = "ringward"
    interval_s: float = 300.0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Events of the log, beside the error stream."""

    destination: Destination
    service_name: str = "ringward"


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What a node sends. release: its own version."""

    traces: TraceSettings | None = None
    metrics: MeterSettings | None = None
    logs: LogSettings | None = None
    release: str = ""
