"""Metrics of checks: what evaluating costs, what the cache spares, what of it is shared."""

from __future__ import annotations

from node.answering import Answering
from telemetry.metrics import Metrics


def declare_checks(metrics: Metrics, answering: Answering) -> None:
    """Evaluations, the cache before them, and what they share."""
    _declare_evaluations(metrics, answering)
    _declare_cache(metrics, answering)
    _declare_sharing(metrics, answering)


def _declare_evaluations(metrics: Metrics, answering: Answering) -> None:
    tallies = answering.local.tallies
    metrics.histogram("ringward_check_rounds", "Rounds of an evaluation.", lambda: tallies.rounds)
    metrics.histogram("ringward_check_reads", "Batches of reads of an evaluation.", lambda: tallies.reads)
    metrics.histogram(
        "ringward_check_entities_read", "Entities an evaluation read facts of.", lambda: tallies.entities_read
    )


def _declare_cache(metrics: Metrics, answering: Answering) -> None:
    cache = answering.cache

    def lookups() -> dict[tuple[str, ...], float]:
        counts = cache.counts
        missed = counts.asked - counts.given - counts.closed
        return {("hit",): counts.given, ("closed",): counts.closed, ("miss",): missed}

    metrics.counters(
        "ringward_cache_lookups_total", "How often the cache was asked, by what it had.", ("result",), lookups
    )
    metrics.counter(
        "ringward_cache_evictions_total", "Answers that made room for others.", lambda: cache.counts.evicted
    )
    metrics.gauge("ringward_cache_entries", "Answers held.", lambda: cache.counts.answers)
    metrics.gauge("ringward_cache_bytes", "Memory the answers take, about.", lambda: cache.counts.size_bytes)
    metrics.gauge("ringward_cache_limit_entries", "The most answers held.", lambda: cache.max_entries)
    metrics.gauge("ringward_cache_limit_bytes", "The most memory answers may take.", lambda: cache.max_bytes)


def _declare_sharing(metrics: Metrics, answering: Answering) -> None:
    flights, heads, catalog = answering.local.flights, answering.heads, answering.catalog
    metrics.counter("ringward_flights_total", "Questions looked into on their own.", lambda: flights.flown)
    metrics.counter("ringward_flights_joined_total", "Questions that waited for an equal one.", lambda: flights.joined)
    metrics.gauge("ringward_flights_in_progress", "Questions being looked into.", lambda: len(flights))
    metrics.counter("ringward_head_requests_total", "Requests that needed the newest snapshot.", lambda: heads.requests)
    metrics.gauge("ringward_schema_cache_entries", "Compiled schema versions held.", lambda: len(catalog))
    metrics.counter("ringward_schema_compilations_total", "Schema versions compiled.", lambda: catalog.compiled)
