"""Metrics of the store: how fast it answers, its connections, its replica, its garbage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from api.health import Health
from node.housekeeping import CollectionCounts
from telemetry.metrics import Metrics, Numbers

if TYPE_CHECKING:  # its driver is loaded where it is used
    from storage.postgres.counts import PoolCounts
    from storage.postgres.store import PostgresStorage

ReadLatest = Callable[[], float | None]


def declare_store(metrics: Metrics, health: Health) -> None:
    """What any store tells."""
    metrics.gauge(
        "ringward_store_ping_seconds",
        "How long the store took to answer when last it was asked whether it works.",
        lambda: health.ping_s,
    )


def declare_collection(metrics: Metrics, counts: CollectionCounts) -> None:
    """Garbage collection."""
    metrics.counters(
        "ringward_garbage_collection_passes_total",
        "Passes of garbage collection.",
        ("outcome",),
        lambda: {("completed",): counts.completed, ("failed",): counts.failed},
    )
    metrics.counter("ringward_garbage_collection_seconds_total", "Time they took.", lambda: counts.taken_s)
    metrics.counters(
        "ringward_garbage_collection_rows_total",
        "Rows they removed.",
        ("kind",),
        lambda: {("tuples",): counts.tuples, ("attributes",): counts.attributes},
    )
    metrics.gauge(
        "ringward_garbage_collection_last_success_timestamp_seconds",
        "When the last one ended well, in Unix time; the start of the node if none has.",
        lambda: counts.succeeded_at_s,
    )


def declare_postgres(metrics: Metrics, store: PostgresStorage, lag_s: ReadLatest) -> None:
    """What PostgreSQL tells beside. lag_s: of the replica, when last somebody looked."""
    metrics.counter(
        "ringward_head_reads_total", "Statements that read the newest snapshot.", lambda: store.counts.head_reads
    )
    metrics.counter(
        "ringward_head_read_seconds_total", "How long those statements took.", lambda: store.counts.head_reads_s
    )
    _declare_pools(metrics, store)
    if "reader" in store.counts.pools:
        _declare_replica(metrics, store, lag_s)


def _declare_pools(metrics: Metrics, store: PostgresStorage) -> None:
    def of_each(read: Callable[[PoolCounts], float]) -> Callable[[], Numbers]:
        return lambda: {(name,): read(pool) for name, pool in store.counts.pools.items()}

    def connections() -> Numbers:
        pools = store.counts.pools.items()
        return {
            (name, state): count for name, pool in pools for state, count in (("used", pool.used), ("idle", pool.idle))
        }

    metrics.gauges("ringward_pool_connections", "Open connections.", ("pool", "state"), connections)
    for name, meaning, read in (
        ("ringward_pool_connections_limit", "The most there may be.", lambda pool: pool.most),
        ("ringward_pool_waiting", "Requests that wait for a free connection.", lambda pool: pool.waiting),
    ):
        metrics.gauges(name, meaning, ("pool",), of_each(read))
    for name, meaning, read in (
        ("ringward_pool_connections_opened_total", "Connections opened.", lambda pool: pool.opened),
        ("ringward_pool_uses_total", "Times a connection was given out.", lambda pool: pool.uses),
        ("ringward_pool_waits_total", "Requests that had to wait for one.", lambda pool: pool.waits),
        ("ringward_pool_wait_seconds_total", "How long they waited.", lambda pool: pool.waited_s),
        ("ringward_pool_refusals_total", "Requests that got none.", lambda pool: pool.refused),
    ):
        metrics.counters(name, meaning, ("pool",), of_each(read))


def _declare_replica(metrics: Metrics, store: PostgresStorage, lag_s: ReadLatest) -> None:
    def reads() -> Numbers:
        counts = store.counts
        outcomes = {
            "answered": counts.replica_answered,
            "behind": counts.replica_behind,
            "failed": counts.replica_failed,
        }
        return {(outcome,): count for outcome, count in outcomes.items()}

    metrics.counters("ringward_replica_reads_total", "Statements tried on the replica.", ("outcome",), reads)
    metrics.gauge(
        "ringward_replica_lag_seconds",
        "Age of the oldest state clients may ask for that the replica does not show yet.",
        lag_s,
    )
