"""The listener for operations: metrics as the node tells them, health as it stands, and nothing for clients."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.health import Health, Standing
from api.operations.host import OperationsHost
from api.operations.settings import OperationsSettings
from model.errors import Unavailable
from tests.api.rest.serving import Rest, Works, client_of


async def shown(accept: str) -> tuple[bytes, str]:
    return f"accepted {accept}".encode(), "text/plain; version=1.2"


@asynccontextmanager
async def served(health: Health) -> AsyncIterator[Rest]:
    host = OperationsHost(health, shown, OperationsSettings(port=0), host="127.0.0.1")
    await host.start()
    try:
        async with client_of(host.url) as client:
            yield client
    finally:
        await host.stop(0.1)


async def test_metrics_are_shown_in_the_format_that_is_accepted() -> None:
    async with served(Health(Works().ping)) as rest:
        answer = await rest.call("GET", "/metrics", headers={"Accept": "application/x"})
    assert (answer.status, answer.body) == (200, "accepted application/x")
    assert answer.headers["Content-Type"] == "text/plain; version=1.2"


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Standing.OPENING, "opening the store"),
        (Standing.JOINING, "joining the cluster"),
        (Standing.WARMING_UP, "warming up"),
        (Standing.LEAVING, "leaving"),
    ],
)
async def test_a_node_on_its_way_lives_and_says_why_it_is_not_ready(stage: Standing, reason: str) -> None:
    health = Health()
    health.reach(stage)
    async with served(health) as rest:
        assert (await rest.call("GET", "/livez")).status == 200
        for path in ("/readyz", "/healthz"):
            answer = await rest.call("GET", path)
            assert (answer.status, answer.body) == (503, {"status": "NOT_SERVING", "reason": reason})


async def test_a_node_whose_store_works_is_ready() -> None:
    async with served(Health(Works().ping)) as rest:
        answer = await rest.call("GET", "/readyz")
    assert (answer.status, answer.body) == (200, {"status": "SERVING"})


@pytest.mark.parametrize("path", ["/v1/tenants/list", "/docs", "/openapi.json", "/debug/pprof/", "/"])
async def test_there_is_nothing_else(path: str) -> None:
    async with served(Health(Works().ping)) as rest:
        assert (await rest.call("GET", path)).status == 404


async def test_a_port_in_use_is_told_by_the_setting_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        host = OperationsHost(Health(), shown, OperationsSettings(port=port), host="127.0.0.1")
        with pytest.raises(Unavailable, match=rf"metrics\.port: cannot listen on 127\.0\.0\.1:{port}"):
            await host.start()
