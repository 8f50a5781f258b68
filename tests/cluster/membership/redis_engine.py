"""One Redis, for all places of all clusters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.membership.engine import Engine, Place
from tests.support.redis import OwnRedis, redis_server


class RedisEngine:
    """Started again, it is empty."""

    vanish_s = 12.0

    def __init__(self, server: OwnRedis) -> None:
        self._server = server

    def place(self, cluster: str) -> Place:
        return Place(self._server.url(cluster))

    def announce_nonsense(self, cluster: str) -> str:
        self._server.command("SET", f"ringward:{{{cluster}}}:member:nowhere", "[]")
        self._server.command("SADD", f"ringward:{{{cluster}}}:members", "nowhere")
        return "nowhere"

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()


@contextmanager
def redis_engine() -> Iterator[Engine]:
    with redis_server() as server:
        yield RedisEngine(server)
