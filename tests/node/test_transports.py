"""Which transport a node takes, where the native one was built and where it was not."""

from __future__ import annotations

import grpc
import pytest
from structlog.testing import capture_logs

import node.transports
from model.errors import Misconfigured
from node.node import open_node
from node.settings import GrpcTransport, NodeSettings
from node.transports import chosen
from tests.support.client import Client

AUTO, NATIVE, GRPCIO = GrpcTransport.AUTO, GrpcTransport.NATIVE, GrpcTransport.GRPCIO


@pytest.fixture
def not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.transports, "find_spec", lambda _: None)


def test_the_native_transport_is_taken_where_it_was_built() -> None:
    assert [chosen(transport) for transport in (AUTO, NATIVE, GRPCIO)] == [NATIVE, NATIVE, GRPCIO]


@pytest.mark.usefixtures("not_built")
async def test_where_it_was_not_built_a_node_says_so_and_serves_by_grpcio() -> None:
    assert [chosen(transport) for transport in (AUTO, GRPCIO)] == [GRPCIO, GRPCIO]
    with capture_logs() as logs:
        async with (
            open_node(NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1)) as running,
            grpc.aio.insecure_channel(running.grpc_address) as channel,
        ):
            assert await Client(channel).write_schema("entity user {}")
    assert any("was not built" in entry["event"] for entry in logs)


@pytest.mark.usefixtures("not_built")
async def test_a_node_that_is_told_to_take_it_where_it_was_not_built_does_not_start() -> None:
    with pytest.raises(Misconfigured, match="the native transport was not built"):
        async with open_node(NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=NATIVE)):
            pass
