"""One Consul agent, for all places of all clusters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.membership.engine import Engine, Place
from tests.support.consul import OwnConsul, consul_server


class ConsulEngine:
    """Started again, it knows nobody."""

    vanish_s = 12.0

    def __init__(self, server: OwnConsul) -> None:
        self._server = server

    def place(self, cluster: str) -> Place:
        return Place(self._server.url(cluster))

    def announce_nonsense(self, cluster: str) -> str:
        stranger = {"Name": cluster, "ID": "stranger", "Address": "10.0.0.9", "Port": 80, "Meta": {"weight": "much"}}
        self._server.ask("PUT", "agent/service/register", stranger)
        return "stranger"

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()


@contextmanager
def consul_engine() -> Iterator[Engine]:
    with consul_server() as server:
        yield ConsulEngine(server)
