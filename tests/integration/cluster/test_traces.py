"""One trace tells of every node a check touches, whatever carries the talk: of clients, and of nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp
import grpc
import pytest
import pytest_asyncio
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.cluster.fleet import ClusterNode, Fleet, fleet_of
from tests.support.client import Client
from tests.support.collector import Collector, values_of
from tests.support.eventually import eventually
from tests.support.processes import free_port

SCHEMA = """
entity user {}
entity group { relation member @user }
entity doc {
  relation viewer @user @group#member
  permission view = viewer
}
"""
DOCUMENTS = 30  # enough for one that another node owns
CHECK = "base.v1.Permission/Check"


class Placed(NamedTuple):
    """A span, and which process made it."""

    instance: str
    span: Span


@pytest_asyncio.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector().running() as running:
        yield running


@pytest.fixture(params=["native", "grpcio"])
def traced_fleet(
    request: pytest.FixtureRequest, database_uri: str, tmp_path: Path, collector: Collector
) -> Iterator[Fleet]:
    """Three nodes that send all their traces to the collector; the first serves REST too."""
    options = (
        *(f"--database-uri={database_uri}", f"--grpc-transport={request.param}"),
        *("--tracer-enabled", "--tracer-exporter=otlp", "--tracer-insecure", "--tracer-protocol=grpc"),
        f"--tracer-endpoint=127.0.0.1:{collector.grpc_port}",
    )
    rest = ("--http-enabled=true", f"--http-port={free_port()}")
    nodes = [ClusterNode(name, tmp_path, *options, *(rest if name == "a" else ())) for name in "abc"]
    with fleet_of(nodes) as fleet:
        yield fleet
        assert not fleet.troubles()


async def started(fleet: Fleet) -> str:
    """All nodes serve, and there are documents ann may view; where REST is served."""
    for node in fleet.nodes:
        node.start()
    for node in fleet.nodes:
        await node.serves(members=3)
    async with grpc.aio.insecure_channel(fleet["a"].client_address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write(
            "group:1#member@user:ann", *(f"doc:{number}#viewer@group:1#member" for number in range(DOCUMENTS))
        )
    return str(fleet["a"].events("node started")[0]["http"])


def traces(collector: Collector) -> list[list[Placed]]:
    """All spans, trace by trace."""
    found: dict[bytes, list[Placed]] = {}
    for instance, span in collector.spans_by_service():
        found.setdefault(span.trace_id, []).append(Placed(instance, span))
    return list(found.values())


def passed_on(collector: Collector, among: Collection[str] = ()) -> list[list[Placed]]:
    """Whole traces of checks that another node answered; among: of these ids, if any are given."""
    found = [spans for spans in traces(collector) if was_passed_on(spans) and is_whole(spans)]
    return [spans for spans in found if not among or spans[0].span.trace_id.hex() in among]


def was_passed_on(spans: Sequence[Placed]) -> bool:
    """True if it is known that another node answered; one that was too slow, on a busy machine, has not."""
    return any(values_of(placed.span.attributes).get("ringward.outcome") == "answered" for placed in spans)


def is_whole(spans: Sequence[Placed]) -> bool:
    """True once the edge has told, and every other span's parent is known, and who was asked has told too."""
    edges = [placed.span for placed in spans if placed.span.name == CHECK]
    known = {placed.span.span_id for placed in spans}
    missing = {placed.span.parent_span_id for placed in spans} - known - {edge.parent_span_id for edge in edges}
    asked = {placed.span.span_id for placed in spans if placed.span.name == "peer.ask"}
    answered = {placed.span.parent_span_id for placed in spans if placed.span.name == "peer.answer"}
    return bool(edges) and not missing and asked == answered


def named(spans: Sequence[Placed], name: str) -> Placed:
    (found,) = [placed for placed in spans if placed.span.name == name]
    return found


def ensure_one_story(spans: Sequence[Placed], fleet: Fleet) -> None:
    """The edge asked a peer, the peer answered, and looked things up for it; each told by the node that did it."""
    edge, asked, answered = (named(spans, name) for name in (CHECK, "peer.ask", "peer.answer"))
    assert asked.span.parent_span_id == edge.span.span_id
    assert answered.span.parent_span_id == asked.span.span_id
    assert edge.instance == asked.instance != answered.instance
    owner = values_of(asked.span.attributes)["network.peer.address"]
    assert owner in {node.address for node in fleet.nodes if node.name != "a"}
    assert values_of(answered.span.attributes)["ringward.node"] == owner
    assert values_of(asked.span.attributes)["ringward.outcome"] == "answered"
    assert values_of(answered.span.attributes)["ringward.cache"] == "miss"
    done_there = [placed for placed in spans if placed.span.parent_span_id == answered.span.span_id]
    assert {placed.span.name for placed in done_there} == {"storage.head", "engine.round"}
    assert {placed.instance for placed in done_there} == {answered.instance}


async def test_a_check_passed_on_to_its_owner_is_one_trace_of_both_nodes(
    traced_fleet: Fleet, collector: Collector
) -> None:
    rest_url = await started(traced_fleet)

    async with grpc.aio.insecure_channel(traced_fleet["a"].client_address) as channel:
        for number in range(DOCUMENTS // 2):
            assert await Client(channel).can(f"doc:{number}#view@user:ann")
    await eventually(lambda: is_told(collector), patience_s=30)
    for spans in passed_on(collector):
        ensure_one_story(spans, traced_fleet)

    trace_ids = [f"4bf92f3577b34da6a3ce929d0e0e47{number:02x}" for number in range(DOCUMENTS // 2, DOCUMENTS)]
    async with aiohttp.ClientSession() as session:
        for number, trace_id in enumerate(trace_ids, start=DOCUMENTS // 2):
            headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "tracestate": "vendor=a"}
            await check_over_rest(session, rest_url, number, headers)
    await eventually(lambda: is_told(collector, trace_ids), patience_s=30)
    for spans in passed_on(collector, trace_ids):
        ensure_one_story(spans, traced_fleet)
        assert {placed.span.trace_state for placed in spans} == {"vendor=a"}
        assert named(spans, CHECK).span.parent_span_id.hex() == "00f067aa0ba902b7"


async def is_told(collector: Collector, among: Collection[str] = ()) -> bool:
    """True once a check that was passed on is known with all that belongs to it; among: as of ``passed_on``."""
    return bool(passed_on(collector, among))


async def check_over_rest(session: aiohttp.ClientSession, url: str, number: int, headers: dict[str, str]) -> None:
    body = {
        "metadata": {"depth": 20},
        "entity": {"type": "doc", "id": str(number)},
        "permission": "view",
        "subject": {"type": "user", "id": "ann"},
    }
    async with session.post(f"{url}/v1/tenants/t1/permissions/check", json=body, headers=headers) as response:
        assert (await response.json())["can"] == "CHECK_RESULT_ALLOWED"
