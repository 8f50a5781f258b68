"""A node that asks for the tokens of an issuer, and callers of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import grpc
import pytest

from api.auth.settings import OidcSettings
from node.node import open_node
from node.settings import NodeSettings
from proto.base.v1 import service_pb2 as pb
from tests.support.client import Client
from tests.support.issuer import AUDIENCE, FakeIssuer, SigningKey, running_issuer

RSA = SigningKey("rsa-1")
EC = SigningKey("ec-1", "ES256")

Ask = Callable[[str | None], Coroutine[Any, Any, None]]


def oidc(issuer: FakeIssuer) -> OidcSettings:
    """What a node under test is told: the defaults of the command line, but for quick tries at start."""
    methods = frozenset({"RS256", "HS256", "ES256"})
    return OidcSettings(issuer.url, AUDIENCE, methods, start_tries=2, start_pause_s=0.01)


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    """An issuer with two keys."""
    async with running_issuer(RSA, EC) as issuer:
        yield issuer


@pytest.fixture
def node_settings(issuer: FakeIssuer) -> NodeSettings:
    """What the node is told; tests override it."""
    return NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, auth=oidc(issuer))


@pytest.fixture
async def channel(node_settings: NodeSettings) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the node."""
    async with open_node(node_settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        yield channel


@pytest.fixture
def ask(channel: grpc.aio.Channel) -> Ask:
    """Ask the node something that anybody who may ask may ask; a refusal is raised."""

    async def ask(authorization: str | None) -> None:
        await Client(channel, authorization=authorization).call("Tenancy.List", pb.TenantListRequest())

    return ask
