"""Calls over gRPC, as bytes: several servers in turn, streams as a whole, failures by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc.aio
import pytest

from bench.harness.ports import CallFailed, Request
from bench.harness.systems import grpc_calls
from bench.harness.systems.grpc_calls import grpc_connected

ECHO, COUNT = "/test.Echo/Say", "/test.Echo/Count"


@pytest.fixture(params=["native", "grpcio"], autouse=True)
def _client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "grpcio":
        monkeypatch.setattr(grpc_calls, "find_spec", lambda _: None)


@asynccontextmanager
async def echoing(name: str, seen: Counter[str]) -> AsyncIterator[str]:
    """The address of a server that says what it was told, or counts up to it."""

    async def say(request: bytes, context: Any) -> bytes:
        seen[name] += 1
        if request == b"no":
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "not now")
        headers = dict(context.invocation_metadata())
        return request + str(headers.get("key", "")).encode()

    async def count(request: bytes, context: Any) -> AsyncIterator[bytes]:  # noqa: ARG001
        for number in range(int(request)):
            yield str(number).encode()

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def test_servers_are_asked_in_turn() -> None:
    seen: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(echoing(name, seen)) for name in ("a", "b", "c")]
        async with grpc_connected(addresses, 2) as connection:
            replies = [await connection.call(Request(ECHO, b"hello")) for _ in range(12)]
    assert replies == [(b"hello",)] * 12
    assert seen == {"a": 4, "b": 4, "c": 4}


async def test_a_stream_is_given_as_a_whole() -> None:
    streaming = frozenset({COUNT})
    async with echoing("a", Counter()) as address, grpc_connected([address], 1, streaming=streaming) as connection:
        assert await connection.call(Request(COUNT, b"3")) == (b"0", b"1", b"2")
        assert await connection.call(Request(COUNT, b"0")) == ()


async def test_headers_are_sent_with_each_request() -> None:
    async with echoing("a", Counter()) as address, grpc_connected([address], 1, headers={"key": "!"}) as connection:
        assert await connection.call(Request(ECHO, b"hello")) == (b"hello!",)


async def test_a_call_fails_by_the_name_of_its_status() -> None:
    async with echoing("a", Counter()) as address, grpc_connected([address], 1) as connection:
        for request, status in (
            (Request(ECHO, b"no"), "RESOURCE_EXHAUSTED"),
            (Request("/no.Such/Call", b""), "UNIMPLEMENTED"),
        ):
            with pytest.raises(CallFailed) as failed:
                await connection.call(request)
            assert failed.value.status == status
    with pytest.raises(CallFailed, match="UNAVAILABLE"):
        async with grpc_connected([address], 1) as connection:
            await connection.call(Request(ECHO, b"hello"))
