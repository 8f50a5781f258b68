"""REST served for a test: by a whole node, or by a host over handlers of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp

from api.edge import Edge
from api.entrance import Entrance
from api.health import Health
from api.observation import Observation, Observer
from api.rest.host import RestHost
from api.rest.settings import RestSettings
from api.services import Endpoint, Rpc, Services, StreamEndpoint, UnaryEndpoint
from model.errors import StorageFailed
from proto.base.v1 import service_pb2 as pb

TIMEOUT_S = 20.0
CHECK = "/v1/tenants/t1/permissions/check"
WATCH = "/v1/tenants/t1/watch"
CAN = {
    "metadata": {"depth": 20},
    "entity": {"type": "doc", "id": "1"},
    "permission": "view",
    "subject": {"type": "user", "id": "ann"},
}
"""A check that keeps the rules of the contract."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Rest:
    """Calls to one server; bodies are JSON."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("POST", path, json={} if body is None else body, **options)

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, self.url + path, allow_redirects=False, **options) as response:
            is_json = response.content_type == "application/json" and method != "HEAD"
            body = await response.json() if is_json else await response.text()
            return Answer(response.status, body, response.headers)


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Rest]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Rest(session, url)


def check_by(handler: Callable[[Any], Any]) -> Endpoint:
    """Permission.Check, answered by a function of the test."""
    method = pb.DESCRIPTOR.services_by_name["Permission"].methods_by_name["Check"]
    return UnaryEndpoint(Rpc.of(method), handler)


def watch_by(handler: Callable[[Any], Any]) -> Endpoint:
    """Watch.Watch, answered by a generator of the test."""
    method = pb.DESCRIPTOR.services_by_name["Watch"].methods_by_name["Watch"]
    return StreamEndpoint(Rpc.of(method), handler)


class Works:
    """A store that can be broken."""

    def __init__(self) -> None:
        self.is_broken = False

    async def ping(self) -> None:
        if self.is_broken:
            raise StorageFailed("disk full")


def host_of(
    *endpoints: Endpoint,
    entrance: Entrance | None = None,
    health: Health | None = None,
    observer: Observer | None = None,
    max_message_bytes: int = 10_000,
    settings: RestSettings | None = None,
) -> RestHost:
    """A host, not started yet."""
    return RestHost(
        Edge(
            Services({endpoint.rpc.name: endpoint for endpoint in endpoints}),
            health or Health(Works().ping),
            entrance or Entrance(),
            Observation(*([observer] if observer else [])),
        ),
        settings or RestSettings(port=0),
        host="127.0.0.1",
        max_message_bytes=max_message_bytes,
    )


@asynccontextmanager
async def served(*endpoints: Endpoint, **options: Any) -> AsyncIterator[Rest]:
    """A client of a host that serves these endpoints."""
    host = host_of(*endpoints, **options)
    await host.start()
    try:
        async with client_of(host.url) as client:
            yield client
    finally:
        await host.stop(0.0)
