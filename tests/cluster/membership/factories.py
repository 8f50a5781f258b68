"""The engines that carry announcements, by name; each call gives one of its own, which runs while the context lasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.cluster.membership.consul_engine import consul_engine
from tests.cluster.membership.engine import Engine
from tests.cluster.membership.redis_engine import redis_engine
from tests.cluster.membership.serf_engines import serf_engine, started_serf_engine

ENGINES: Mapping[str, Callable[[], AbstractContextManager[Engine]]] = {
    "consul": consul_engine,
    "redis": redis_engine,
    "serf": serf_engine,
    "serf, its agents started by nodes": started_serf_engine,
}
