"""Calls counted by RPC: while they run, when they end, and with the trace of some."""

from __future__ import annotations

from enum import Enum

from telemetry.call_metrics import CallMetrics
from telemetry.sampling import Sampler, Sampling, Start
from telemetry.spans import current_span, within
from telemetry.tracing import Tracer

CHECK = "/base.v1.Permission/Check"
PLACE = ("grpc", "base.v1.Permission/Check")


class Transport(Enum):
    GRPC = "grpc"
    HTTP = "http"


def test_a_call_is_in_progress_until_it_ends() -> None:
    metrics = CallMetrics()
    rpc = metrics.of(Transport.GRPC, CHECK)
    first, second = rpc.began(None), rpc.began(None)
    assert metrics.seen[PLACE].in_progress == 2
    second("OK", None, 0.25)
    assert (rpc.in_progress, rpc.codes, rpc.durations_s.count) == (1, {"OK": 1}, 1)
    first("NOT_FOUND", ValueError(), 0.25)
    assert (rpc.in_progress, rpc.codes, rpc.durations_s.count) == (0, {"OK": 1, "NOT_FOUND": 1}, 2)


def test_transports_and_rpcs_are_told_apart() -> None:
    metrics = CallMetrics()
    metrics.of(Transport.GRPC, CHECK).began(None)("OK", None, 0.25)
    metrics.of(Transport.HTTP, CHECK).began(None)("INTERNAL", None, 0.25)
    metrics.of(Transport.GRPC, "/base.v1.Watch/Watch").began(None)("CANCELLED", None, 0.25)
    assert {place: rpc.codes for place, rpc in metrics.seen.items()} == {
        PLACE: {"OK": 1},
        ("http", "base.v1.Permission/Check"): {"INTERNAL": 1},
        ("grpc", "base.v1.Watch/Watch"): {"CANCELLED": 1},
    }


def test_what_nobody_has_called_is_not_seen() -> None:
    metrics = CallMetrics()
    metrics.of(Transport.GRPC, CHECK)
    assert metrics.seen == {}


def test_two_listeners_of_one_transport_count_together() -> None:
    metrics = CallMetrics()
    assert metrics.of(Transport.GRPC, CHECK) is metrics.of(Transport.GRPC, CHECK)


def test_a_call_of_a_sampled_trace_leaves_an_exemplar() -> None:
    rpc = CallMetrics(current_span).of(Transport.GRPC, CHECK)
    rpc.began(None)("OK", None, 0.25)
    assert rpc.durations_s.exemplars == {}
    traced = Tracer(Sampling(Sampler.ALWAYS, 1.0, lambda: 0.0), {}, "1", lambda _: None).begin("call", Start(None))
    with within(traced):
        rpc.began(None)("OK", None, 0.25)
    (exemplar,) = rpc.durations_s.exemplars.values()
    assert exemplar.trace_id == traced.trace_id
    assert exemplar.value == rpc.durations_s.sum / 2 == 0.25
