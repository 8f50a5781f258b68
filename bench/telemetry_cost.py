"""What being looked at costs a cached check: request ids, metrics, traces, from the edge to the answer and back.

Run ``python -m bench.telemetry_cost [--rounds 40]``. Everything runs in this process, without a transport and over a
head that is at hand; so all that differs between two lines is who looks on. They take turns, a thousand checks each,
and the fastest tenth counts, since a busy machine only ever adds. Traces are put into words too, but sent nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

from opentelemetry.sdk.trace import ReadableSpan

from api import grpc_calls
from api.entrance import Entrance
from api.limits import LimitSettings
from api.observation import EdgeTransport, Observation, Observer
from api.request_ids import CallIds
from api.rpc.permission import PermissionService
from api.services import Services, UnaryEndpoint
from api.traces import CallTraces
from bench.machine import machine
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from node.answering import Answering
from node.settings import NodeSettings
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from storage.base import Changeset, News
from storage.sqlite.store import SqliteStorage
from telemetry.call_metrics import CallMetrics
from telemetry.otlp_spans import otlp_spans
from telemetry.sampling import Sampler, Sampling
from telemetry.spans import current_span
from telemetry.tracing import Tracer

_CHECK = "/base.v1.Permission/Check"
_SCHEMA = "entity user {} entity doc { relation viewer @user permission view = viewer }"
_CHECKS = 1_000
_ENCODED_AT_ONCE = 25


class _Store(SqliteStorage):
    """One whose head is at hand, as it is for whoever shares the reading of it."""

    _known: News | None = None

    async def news(self, tenant: str, since: Snapshot | None) -> News:
        if self._known is None or since is None:
            self._known = await super().news(tenant, since)
        return self._known


class _Call:
    """One that came without any header."""

    def header(self, name: str) -> str | None:  # noqa: ARG002 - a port
        return None

    def time_left_s(self) -> float | None:
        return None


def _endpoint(store: SqliteStorage, *, is_traced: bool) -> UnaryEndpoint:
    answering = Answering.over(store, NodeSettings(), is_traced=is_traced)
    endpoint = Services.of({"Permission": PermissionService(answering.invoker())}).endpoints[_CHECK]
    assert isinstance(endpoint, UnaryEndpoint), "Check has one response"
    return endpoint


def _checking(store: SqliteStorage, *observers: Observer, is_traced: bool = False) -> Callable[[], Awaitable[None]]:
    endpoint, call = _endpoint(store, is_traced=is_traced), _Call()
    entrance = Entrance(limits=LimitSettings(calls_per_s=0))
    observed = Observation(*observers).of(EdgeTransport.GRPC, _CHECK)
    request = pb.PermissionCheckRequest(
        tenant_id="t1",
        metadata=pb.PermissionCheckRequestMetadata(depth=20),
        entity=base.Entity(type="doc", id="1"),
        permission="view",
        subject=base.Subject(type="user", id="ann"),
    ).SerializeToString()

    async def check() -> None:
        with observed(call):
            await grpc_calls.answer(endpoint, entrance, call, request)

    return check


async def _cost_us(check: Callable[[], Awaitable[None]], ended: list[ReadableSpan]) -> float:
    encode = otlp_spans({}, "1")
    began_s = time.thread_time()
    for _ in range(_CHECKS):
        await check()
    for start in range(0, len(ended), _ENCODED_AT_ONCE):
        encode(ended[start : start + _ENCODED_AT_ONCE])
    ended.clear()
    return (time.thread_time() - began_s) / _CHECKS * 1e6


async def measure(rounds: int) -> dict[str, Sequence[float]]:
    """µs of CPU for each check, round by round, by who looks on."""
    store = await _Store.open(None)
    await store.write_schema("t1", _SCHEMA)
    await store.write("t1", [Changeset((RelationTuple.parse("doc:1#viewer@user:ann"),))])
    ended: list[ReadableSpan] = []

    def traces(ratio: float) -> CallTraces:
        return CallTraces(Tracer(Sampling(Sampler.PARENT, ratio, random.random), {}, "1", ended.append))

    def metrics() -> CallMetrics:
        return CallMetrics(current_span)

    ways = {
        "nobody looks on": _checking(store),
        "request ids, as always": _checking(store, CallIds()),
        "… and metrics": _checking(store, CallIds(), metrics()),
        "… and traces of none": _checking(store, CallIds(), traces(0.0), is_traced=True),
        "… and traces of 1 %": _checking(store, CallIds(), traces(0.01), is_traced=True),
        "… and traces of all": _checking(store, CallIds(), traces(1.0), is_traced=True),
        "… and metrics, and traces of 1 %": _checking(store, CallIds(), traces(0.01), metrics(), is_traced=True),
    }
    costs_us: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, check in ways.items():
            costs_us[name].append(await _cost_us(check, ended))
    await store.close()
    return {name: costs[1:] for name, costs in costs_us.items()}  # the first round warmed up


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="of 1000 checks each (default 40)")
    costs_us = asyncio.run(measure(parser.parse_args().rounds))
    print(f"{machine()}\n")
    print("| who looks on | µs CPU a check | more than with nobody |")
    print("|--|--:|--:|")
    least_us = {name: statistics.quantiles(costs, n=10)[0] for name, costs in costs_us.items()}
    for name, cost_us in least_us.items():
        print(f"| {name} | {cost_us:.1f} | {cost_us - least_us['nobody looks on']:+.1f} |")


if __name__ == "__main__":
    main()
