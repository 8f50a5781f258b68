"""What a node sends to collectors: traces, metrics, events of its log. What is not sent is not even loaded.

Each goes its own way, and none is waited for by anything else; at the end all together get a few seconds.
"""
# ruff: noqa: PLC0415 - what only those pay for who send

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import structlog

from cluster.task_group import task_group
from telemetry.destinations import Destination, Signal, Wire
from telemetry.log_tap import LogTap
from telemetry.outbound import Outbound, OutboundSettings
from telemetry.sampling import Sampling
from telemetry.settings import TelemetrySettings, TraceSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from prometheus_client.core import Metric

    from telemetry.otlp_sending import Post, Sender
    from telemetry.tracing import Tracer

log = structlog.get_logger(__name__)

T = TypeVar("T")

Due = Literal["due"]
"""The state of all metrics is to be sent."""

Outbounds = dict[str, Outbound[Any]]
"""What is sent, by its name; whoever begins to send adds to it."""


@asynccontextmanager
async def opened_tracer(settings: TelemetrySettings, outbounds: Outbounds) -> AsyncIterator[Tracer | None]:
    """What begins traces, and sends them while the context lasts; None if there are to be none."""
    if settings.traces is None:
        yield None
        return
    from telemetry.otlp_sending import post_to
    from telemetry.tracing import Tracer

    traces = settings.traces
    resource = resource_of(traces.service_name, settings.release)
    async with post_to(Signal.TRACES, traces.destination) as post:
        outbound = Outbound(
            "traces", traces.destination.address, _span_sender(traces, post, resource, settings.release)
        )
        outbounds["traces"] = outbound
        sampling = Sampling(traces.sampler, traces.sample_ratio, random.random)
        _say("traces are sent", traces.destination, sampler=traces.sampler.value, ratio=traces.sample_ratio)
        async with _sent(outbound):
            yield Tracer(sampling, resource, settings.release, outbound.put)


@asynccontextmanager
async def logs_sent(settings: TelemetrySettings, tap: LogTap | None, outbounds: Outbounds) -> AsyncIterator[None]:
    """While the context lasts, send what comes by the tap."""
    if settings.logs is None or tap is None:
        yield
        return
    from telemetry.otlp_logs import otlp_logs
    from telemetry.otlp_sending import Sender, post_to

    logs = settings.logs
    encode = otlp_logs(resource_of(logs.service_name, settings.release), settings.release)
    async with post_to(Signal.LOGS, logs.destination) as post:
        outbound = Outbound("logs", logs.destination.address, Sender(Signal.LOGS, post, encode))
        outbounds["logs"] = outbound
        _say("logs are sent", logs.destination)
        tap.flow_into(outbound.put)
        try:
            async with _sent(outbound):
                yield
        finally:
            tap.dry_up()


@asynccontextmanager
async def metrics_sent(
    settings: TelemetrySettings, collect: Callable[[], Iterable[Metric]], outbounds: Outbounds
) -> AsyncIterator[None]:
    """While the context lasts, send what is collected, every ``interval_s`` and at the end."""
    if settings.metrics is None:
        yield
        return
    from telemetry.otlp_metrics import otlp_metrics
    from telemetry.otlp_sending import Sender, post_to

    metrics = settings.metrics
    resource = resource_of(metrics.service_name, settings.release)
    encode = partial(otlp_metrics, resource=resource, version=settings.release, since_ns=time.time_ns())
    async with post_to(Signal.METRICS, metrics.destination) as post:

        def state(_: Sequence[Due]) -> bytes:
            return encode(collect(), now_ns=time.time_ns())

        # What is sent is the whole state, so it is looked at when it is sent, and is due once however often it was.
        bounds = OutboundSettings(most_waiting=1, most_per_batch=1)
        outbound = Outbound("metrics", metrics.destination.address, Sender[Due](Signal.METRICS, post, state), bounds)
        outbounds["metrics"] = outbound
        _say("metrics are sent", metrics.destination, every_s=metrics.interval_s)
        async with _sent(outbound), _due_again_and_again(outbound, metrics.interval_s):
            yield


def resource_of(service_name: str, release: str) -> dict[str, str]:
    """What names this process in all it sends. Source: OpenTelemetry semantic conventions, "Resource"."""
    host = socket.gethostname()
    return {
        "service.name": service_name,
        "service.version": release,
        "service.instance.id": f"{host}:{os.getpid()}",
        "host.name": host,
    }


def _span_sender(
    settings: TraceSettings, post: Post, resource: Mapping[str, str], release: str
) -> Sender[ReadableSpan]:
    from telemetry.otlp_sending import Sender
    from telemetry.otlp_spans import joined_arrays, otlp_spans, zipkin_spans

    if settings.destination.wire is Wire.ZIPKIN:
        return Sender(Signal.TRACES, post, zipkin_spans(settings.service_name), joined_arrays)
    return Sender(Signal.TRACES, post, otlp_spans(resource, release))


@asynccontextmanager
async def _sent(outbound: Outbound[T]) -> AsyncIterator[None]:
    async with task_group() as group:
        sending = group.create_task(outbound.run())
        try:
            yield
        finally:
            await outbound.finish()
            sending.cancel()


@asynccontextmanager
async def _due_again_and_again(outbound: Outbound[Due], interval_s: float) -> AsyncIterator[None]:
    async def again_and_again() -> None:
        while True:
            await asyncio.sleep(interval_s)
            outbound.put("due")

    async with task_group() as group:
        telling = group.create_task(again_and_again())
        try:
            yield
        finally:
            telling.cancel()
            outbound.put("due")


def _say(event: str, destination: Destination, **facts: object) -> None:
    log.info(event, to=destination.address, by=destination.wire.value, **facts)
