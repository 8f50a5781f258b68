"""Streams over HTTP: a line for each message, and nothing left when the client has gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from api.rest.settings import RestSettings
from api.rpc.watch import WatchSettings
from api.streams import Established
from model.errors import ErrorCode, InvalidRequest, NotFound, Unavailable
from node.node import open_node
from node.settings import NodeSettings
from proto.base.v1 import base_pb2 as base
from proto.base.v1.service_pb2 import WatchRequest, WatchResponse
from tests.api.rest.serving import TIMEOUT_S, WATCH, Rest, client_of, host_of, served, watch_by

NOTHING: tuple[str, ...] = ()


def response(token: str) -> WatchResponse:
    return WatchResponse(changes=base.DataChanges(snap_token=token))


def line(token: str) -> Any:
    return {"result": {"changes": {"snap_token": token, "data_changes": []}}}


@asynccontextmanager
async def watched(rest: Rest) -> AsyncIterator[aiohttp.ClientResponse]:
    async with asyncio.timeout(TIMEOUT_S), rest.session.post(rest.url + WATCH, json={}) as stream:
        yield stream


async def next_line(stream: aiohttp.ClientResponse) -> Any:
    return json.loads(await stream.content.readline())


async def test_each_message_is_a_line_sent_at_once() -> None:
    let_go = asyncio.Event()

    async def two(_request: WatchRequest) -> AsyncGenerator[WatchResponse]:
        yield response("1")
        await let_go.wait()
        yield response("2")

    async with served(watch_by(two)) as rest, watched(rest) as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "application/json"
        assert stream.headers["Transfer-Encoding"] == "chunked"
        assert stream.headers["Grpc-Metadata-Content-Type"] == "application/grpc"
        assert await next_line(stream) == line("1")
        let_go.set()
        assert await next_line(stream) == line("2")
        assert await stream.content.read() == b""


async def test_a_stream_that_stands_says_so_before_its_first_message() -> None:
    async def silent(_request: WatchRequest) -> AsyncGenerator[WatchResponse | Established]:
        yield Established(TIMEOUT_S)
        await asyncio.Event().wait()

    async with served(watch_by(silent)) as rest, watched(rest) as stream:
        assert stream.status == 200


async def test_a_stream_without_messages_is_an_empty_answer() -> None:
    async def none(_request: WatchRequest) -> AsyncGenerator[WatchResponse]:
        for token in NOTHING:
            yield response(token)

    async with served(watch_by(none)) as rest, watched(rest) as stream:
        assert (stream.status, await stream.read()) == (200, b"")


async def test_what_fails_before_the_first_message_has_a_status_and_one_line() -> None:
    async def fail(_request: WatchRequest) -> AsyncGenerator[WatchResponse]:
        for token in NOTHING:
            yield response(token)
        raise NotFound("none", ErrorCode.SCHEMA_NOT_FOUND)

    async with served(watch_by(fail)) as rest, watched(rest) as stream:
        assert stream.status == 404
        error = (await next_line(stream))["error"]
        assert (error["code"], error["message"]) == (5, "ERROR_CODE_SCHEMA_NOT_FOUND")
        assert await stream.content.read() == b""


async def test_what_breaks_the_rules_has_a_status_and_one_line() -> None:
    async def none(_request: WatchRequest) -> AsyncGenerator[WatchResponse]:
        for token in NOTHING:
            yield response(token)
        raise AssertionError("not called")

    async with served(watch_by(none)) as rest:
        answer = await rest.post("/v1/tenants/ü/watch")
    assert answer.status == 400
    assert "WatchRequest.TenantId" in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("error", "code"), [(InvalidRequest("late"), 3), (Unavailable("gone"), 14), (ZeroDivisionError(), 13)]
)
async def test_what_fails_later_is_told_by_the_last_line(error: Exception, code: int) -> None:
    async def fail(_request: WatchRequest) -> AsyncGenerator[WatchResponse]:
        yield response("1")
        raise error

    async with served(watch_by(fail)) as rest, watched(rest) as stream:
        assert stream.status == 200
        assert await next_line(stream) == line("1")
        assert (await next_line(stream))["error"]["code"] == code
        assert await stream.content.read() == b""


async def test_a_client_that_leaves_while_nothing_happens_is_noticed_and_nothing_is_left() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def silent(_request: WatchRequest) -> AsyncGenerator[WatchResponse]:
        try:
            yield response("1")
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    before = len(asyncio.all_tasks())
    async with served(watch_by(silent)) as rest:
        async with watched(rest) as stream:
            await next_line(stream)
            await begun.wait()
            stream.close()
        async with asyncio.timeout(TIMEOUT_S):
            await ended.wait()
    assert len(asyncio.all_tasks()) == before


async def test_a_client_that_does_not_read_holds_the_stream_back_until_it_stalls() -> None:
    yielded = 0
    stalled = asyncio.Event()

    async def flood(_request: WatchRequest) -> AsyncGenerator[WatchResponse | Established]:
        nonlocal yielded
        try:
            yield Established(0.1)
            while True:
                yield response("x" * 100_000)
                yielded += 1
        finally:
            stalled.set()

    host = host_of(watch_by(flood))
    await host.start()
    _, writer = await asyncio.open_connection("127.0.0.1", int(host.url.rpartition(":")[2]))
    writer.write(f"POST {WATCH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    async with asyncio.timeout(TIMEOUT_S):
        await stalled.wait()
        await host.stop(0.0)
    writer.close()
    assert yielded * 100_000 < 50_000_000


async def test_a_stream_that_runs_when_the_node_stops_is_told_so() -> None:
    async def silent(_request: WatchRequest) -> AsyncGenerator[WatchResponse]:
        yield response("1")
        await asyncio.Event().wait()

    host = host_of(watch_by(silent))
    await host.start()
    async with client_of(host.url) as rest, watched(rest) as stream:
        await next_line(stream)
        await host.stop(0.01)
        assert (await next_line(stream))["error"]["message"] == "the node is stopping"


async def test_changes_are_watched_over_http() -> None:
    settings = NodeSettings(
        host="127.0.0.1", grpc_port=0, grace_s=0.1, http=RestSettings(port=0), watch=WatchSettings(enabled=True)
    )
    row = {"entity": {"type": "doc", "id": "1"}, "relation": "owner", "subject": {"type": "user", "id": "ann"}}
    async with open_node(settings) as node, client_of(node.rest_url) as rest:
        schema = "entity user {} entity doc { relation owner @user }"
        await rest.post("/v1/tenants/t1/schemas/write", {"schema": schema})
        async with watched(rest) as stream:
            written = await rest.post("/v1/tenants/t1/data/write", {"metadata": {}, "tuples": [row]})
            changes = (await next_line(stream))["result"]["changes"]
    assert changes["snap_token"] == written.body["snap_token"]
    (change,) = changes["data_changes"]
    assert change["operation"] == "OPERATION_CREATE"
    assert change["tuple"]["entity"] == {"type": "doc", "id": "1"}
