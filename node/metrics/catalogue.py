"""All metrics of a node; docs/metrics.md says what each is for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from node.measuring import Parts
from node.metrics.calls import declare_admission, declare_calls
from node.metrics.checks import declare_checks
from node.metrics.cluster import declare_cluster
from node.metrics.measurements import Measurements, ReadLag
from node.metrics.store import declare_collection, declare_postgres, declare_store
from node.metrics.whole import (
    declare_build,
    declare_health,
    declare_listeners,
    declare_loop,
    declare_telemetry,
    declare_watching,
)
from node.settings import DatabaseEngine, NodeSettings
from node.transports import chosen
from storage.base import Storage
from telemetry.outlet import Outlet

if TYPE_CHECKING:
    from storage.postgres.store import PostgresStorage


def declare_all(measured: Measurements, parts: Parts, settings: NodeSettings) -> None:
    """Declare what there is to tell of the parts."""
    metrics = measured.metrics
    declare_calls(metrics, measured.calls)
    declare_admission(metrics, parts.entrance)
    declare_checks(metrics, parts.answering)
    if parts.cluster is not None:
        declare_cluster(metrics, parts.cluster)
    declare_store(metrics, parts.health)
    if settings.database.garbage_collection is not None:
        declare_collection(metrics, parts.collections)
    if store := _postgres(parts.storage, settings):
        declare_postgres(metrics, store, lambda: measured.replica_lag_s)
    declare_watching(metrics, parts.tails)
    declare_health(metrics, parts.health)
    declare_loop(metrics, measured.lags_s)
    declare_listeners(metrics, parts.host, parts.tls)
    declare_telemetry(metrics, parts.outbounds, _lines_lost)
    declare_build(
        metrics,
        version=settings.telemetry.release,
        transport=chosen(settings.grpc_transport).value,
        zone=settings.cluster.zone if settings.cluster else "",
    )


def lag_of(storage: Storage, settings: NodeSettings) -> ReadLag | None:
    """How to learn the lag of the replica; None where there can be none."""
    store = _postgres(storage, settings)
    return store.replica_lag_s if store else None


def _postgres(storage: Storage, settings: NodeSettings) -> PostgresStorage | None:
    if settings.database.engine is not DatabaseEngine.POSTGRES:
        return None
    from storage.postgres.store import PostgresStorage  # noqa: PLC0415 - loaded by now

    return storage if isinstance(storage, PostgresStorage) else None


def _lines_lost() -> int:
    """Logs go to the error stream; ``ringward serve`` has put an outlet there."""
    return sys.stderr.lines_lost if isinstance(sys.stderr, Outlet) else 0
