"""Whatever bytes and messages come, a node answers with a status that is the client's business, and goes on serving."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.auth.settings import PresharedSettings
from node.node import open_node
from node.settings import GrpcTransport, NodeSettings
from proto.base.v1 import service_pb2 as pb
from tests.api.conftest import SCHEMA
from tests.support.client import TENANT, Client
from tests.support.messages import messages

METHODS = [method for service in pb.DESCRIPTOR.services_by_name.values() for method in service.methods]
BUGS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}
KEY = "a-key-that-fits-the-lock"
KEPT = "kept-by-all"  # a tenant whose name nothing random hits upon
ROWS = ("doc:1#parent@folder:1", "folder:1#viewer@group:1#member", "group:1#member@user:1")
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
STREAM_S = 0.3  # a watch that was well asked for does not end by itself

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("base.v1."))


@pytest.fixture
def node_settings(transport: GrpcTransport) -> NodeSettings:
    """A node that asks for a key, without REST, which nobody asks here."""
    auth = PresharedSettings((KEY,))
    return NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=transport, grace_s=0.1, http=None, auth=auth)


@pytest.fixture
async def address(node_settings: NodeSettings, caplog: pytest.LogCaptureFixture) -> AsyncIterator[str]:
    """Where a node listens that has a schema and some data; at the end it still answers and has met no bug."""
    async with open_node(node_settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        client = Client(channel, authorization=f"Bearer {KEY}")
        for tenant in (TENANT, KEPT):
            await client.write_schema(SCHEMA, tenant)
            await client.write(*ROWS, tenant=tenant)
        with capture_logs() as logs:
            yield node.grpc_address
        assert await client.can("doc:1#view@user:1", tenant=KEPT)
        assert [entry for entry in logs if entry["log_level"] == "error"] == []
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to that node."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel


async def assert_answered(channel: grpc.aio.Channel, method: MethodDescriptor, body: bytes) -> None:
    path = f"/{method.containing_service.full_name}/{method.name}"
    kind: Any = channel.unary_stream if method.server_streaming else channel.unary_unary
    timeout_s = STREAM_S if method.server_streaming else 20.0
    call = kind(path)(body, timeout=timeout_s, metadata=(("authorization", f"Bearer {KEY}"),))
    if method.server_streaming:
        with suppress(grpc.aio.AioRpcError):
            async for _ in call:
                pass
    code = await call.code()
    assert code not in BUGS, (code, await call.details())
    assert code is not grpc.StatusCode.DEADLINE_EXCEEDED or method.server_streaming


@every_method
@bounded
@given(body=st.binary(max_size=200))
async def test_any_bytes_are_answered(channel: grpc.aio.Channel, method: MethodDescriptor, body: bytes) -> None:
    await assert_answered(channel, method, body)


@every_method
@bounded
@given(data=st.data())
async def test_any_message_whole_cut_or_damaged_is_answered(
    channel: grpc.aio.Channel, method: MethodDescriptor, data: st.DataObject
) -> None:
    message: Message = data.draw(messages(method.input_type))
    body = bytearray(message.SerializeToString())
    await assert_answered(channel, method, bytes(body))
    if body:
        place = data.draw(st.integers(0, len(body) - 1))
        await assert_answered(channel, method, bytes(body[:place]))
        body[place] ^= data.draw(st.integers(1, 255))
        await assert_answered(channel, method, bytes(body))


# --- below gRPC: frames of HTTP/2 by hand ---

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END_STREAM, END_HEADERS = 0x1, 0x4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame as it stands on the wire. Source: RFC 9113 §4.1."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def headers(fields: dict[bytes, bytes]) -> bytes:
    """A header block of literals that are not indexed. Source: RFC 7541 §6.2.2."""
    return b"".join(b"\x00" + bytes((len(n),)) + n + bytes((len(v),)) + v for n, v in fields.items())


CALL = headers(
    {
        b":method": b"POST",
        b":scheme": b"http",
        b":path": b"/base.v1.Permission/Check",
        b"te": b"trailers",
        b"content-type": b"application/grpc",
        b"authorization": f"Bearer {KEY}".encode(),
    }
)
WELL_BEGUN = PREFACE + frame(0x4, 0, 0, b"") + frame(0x1, END_HEADERS, 1, CALL)
CUT = {
    "a message shorter than its length": WELL_BEGUN + frame(0x0, END_STREAM, 1, b"\x00\x00\x00\x00\xff\x0a\x02"),
    "a length and no message": WELL_BEGUN + frame(0x0, END_STREAM, 1, b"\x00\x00"),
    "compressed with nothing known": WELL_BEGUN + frame(0x0, END_STREAM, 1, b"\x01\x00\x00\x00\x02\x0a\x00"),
    "a message of four gibibytes": WELL_BEGUN + frame(0x0, 0, 1, b"\x00\xff\xff\xff\xff\x0a"),
    "no message at all": WELL_BEGUN + frame(0x0, END_STREAM, 1, b""),
    "a token that is no ASCII": PREFACE
    + frame(0x4, 0, 0, b"")
    + frame(0x1, END_HEADERS, 1, CALL + headers({b"authorization": b"Bearer \xff\xfe"}))
    + frame(0x0, END_STREAM, 1, b"\x00\x00\x00\x00\x00"),
    "a header block that is cut": PREFACE + frame(0x4, 0, 0, b"") + frame(0x1, END_HEADERS, 1, CALL[:20]),
    "another protocol": b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    "a preface and nothing else": PREFACE,
    "nothing": b"",
}


async def send(address: str, text: bytes) -> None:
    """Send, wait for whatever comes, and leave without a word."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text)
    try:
        await writer.drain()
        async with asyncio.timeout(0.05):
            while await reader.read(65_536):
                pass
    except (TimeoutError, ConnectionError):
        pass
    writer.transport.abort()


@pytest.mark.both_transports
@pytest.mark.parametrize("name", CUT)
async def test_frames_that_are_cut_or_wrong_harm_nobody_else(address: str, name: str) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(send(address, CUT[name]))


@pytest.mark.both_transports
@settings(bounded, max_examples=40)
@given(tail=st.binary(max_size=300))
async def test_any_bytes_on_the_wire_harm_nobody_else(address: str, tail: bytes) -> None:
    await send(address, tail)
    await send(address, WELL_BEGUN + tail)
