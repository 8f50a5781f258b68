"""A real node on loopback, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from node.node import open_node
from node.settings import GrpcTransport, NodeSettings
from tests.support.client import Client

SCHEMA = """
entity user {}

entity group {
  relation member @user @group#member
}

entity folder {
  relation parent @folder
  relation viewer @user @group#member
  permission view = viewer or parent.view
}

entity doc {
  relation parent @folder
  relation owner @user
  relation viewer @user @group#member
  relation blocked @user
  attribute public boolean
  attribute size integer
  permission view = (owner or viewer or parent.view or public) not blocked
  permission download = view and small(size)
}

rule small(size integer) {
  double(size) < context.data.limit
}
"""


ON_BOTH = [
    pytest.param(GrpcTransport.NATIVE, id="native"),
    pytest.param(GrpcTransport.GRPCIO, id="grpcio"),
]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_transports: what uses ``transport`` runs on each")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "transport" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_transports"):
        metafunc.parametrize("transport", ON_BOTH, indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> GrpcTransport:
    """What carries gRPC: what a node chooses, or one after the other in modules marked so."""
    chosen: GrpcTransport = getattr(request, "param", GrpcTransport.AUTO)
    return chosen


@pytest.fixture
def node_settings(transport: GrpcTransport) -> NodeSettings:
    """What the node under test is told; tests override it."""
    return NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=transport, grace_s=0.1)


@pytest.fixture
async def channel(node_settings: NodeSettings) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a node of its own."""
    async with open_node(node_settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        yield channel


@pytest.fixture
async def client(channel: grpc.aio.Channel) -> Client:
    """A client of a node that has the schema above and no data."""
    client = Client(channel)
    await client.write_schema(SCHEMA)
    return client
