"""What checks cost, what the cache spares, and how the database bears it."""

from __future__ import annotations

from helm.dashboards.panels import Dashboard, Form, Panel, Query, Row, Unit


def _mean(name: str) -> Query:
    total, count = f"{name}_sum{{<nodes>}}", f"{name}_count{{<nodes>}}"
    return Query(f"sum(rate({total}[$__rate_interval])) / sum(rate({count}[$__rate_interval]))", "mean")


def _percentile(name: str) -> Query:
    times = f"{name}_bucket{{<nodes>}}"
    return Query(f"histogram_quantile(0.99, sum by (le) (rate({times}[$__rate_interval])))", "99 %")


def _rate(name: str, *by: str) -> str:
    rate = f"(rate({name}{{<nodes>}}[$__rate_interval]))"
    return f"sum by ({', '.join(by)}) {rate}" if by else f"sum{rate}"


_CHECKS = Row(
    "What checks cost",
    (
        Panel(
            "Evaluations",
            "What the cache does not answer, and no more.",
            "Rises with misses and closed answers: see “The cache” below.",
            (
                Query(_rate("ringward_check_rounds_count"), "evaluations"),
                Query(_rate("ringward_flights_total"), "questions on their own"),
                Query(_rate("ringward_flights_joined_total"), "waited for an equal one"),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Questions being looked into",
            "A few, at most tens.",
            "Growing: the database answers slower than is asked; see below how long it takes.",
            (Query("ringward_flights_in_progress{<nodes>}", "{{instance}}"),),
        ),
        Panel(
            "Rounds of an evaluation",
            "About as deep as the schema: each round waits for the database once.",
            "Rises after a change of the schema or of how deep groups are nested: checks get slower by as much.",
            (_mean("ringward_check_rounds"), _percentile("ringward_check_rounds")),
        ),
        Panel(
            "Reads of an evaluation",
            "A few.",
            "Rises: permissions got wider. Which ones, the traces tell.",
            (_mean("ringward_check_reads"), _percentile("ringward_check_reads")),
        ),
        Panel(
            "Entities read in an evaluation",
            "A few; tens with deep groups.",
            "Hundreds at the 99th percentile: something belongs to very many others; the traces name it.",
            (_mean("ringward_check_entities_read"), _percentile("ringward_check_entities_read")),
        ),
        Panel(
            "Reading the newest snapshot",
            "Far fewer reads than requests under load: those that come together share one.",
            "As many reads as requests: under load they should share; see how long one takes.",
            (
                Query(_rate("ringward_head_requests_total"), "requests"),
                Query(_rate("ringward_head_reads_total"), "reads"),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "How many requests share a read of the newest snapshot",
            "1 when idle; rises with the load.",
            "1 under load: reads are so fast that none has to wait, which is well too.",
            (
                Query(
                    f"{_rate('ringward_head_requests_total', 'instance')} / "
                    f"{_rate('ringward_head_reads_total', 'instance')}",
                    "{{instance}}",
                ),
            ),
        ),
    ),
)

_CACHE = Row(
    "The cache",
    (
        Panel(
            "What the cache had",
            "Mostly hits.",
            "closed follows the writes; miss with evictions: too small; miss without: new questions.",
            (Query(_rate("ringward_cache_lookups_total", "result"), "{{result}}"),),
            Unit.PER_SECOND,
            Form.STACK,
        ),
        Panel(
            "Hits of all lookups, by node",
            "Lines close together, as high as usual.",
            "One below: it has just started, or was given no answers when it joined. All: what is asked or written "
            "has changed.",
            (
                Query(
                    'sum by (instance) (rate(ringward_cache_lookups_total{<nodes>, result="hit"}[$__rate_interval]))'
                    f" / {_rate('ringward_cache_lookups_total', 'instance')}",
                    "{{instance}}",
                ),
            ),
            Unit.RATIO,
            highest=1,
        ),
        Panel(
            "Evictions",
            "None, or few beside the hits.",
            "Many, and memory is left: raise service.permission.cache.max_cost and number_of_counters.",
            (Query(_rate("ringward_cache_evictions_total", "instance"), "{{instance}}"),),
            Unit.PER_SECOND,
        ),
        Panel(
            "Answers held, of the most",
            "Below 1; at 1 while memory is not, the number of answers is what bounds the cache.",
            "1 with many evictions: raise service.permission.cache.number_of_counters.",
            (Query("ringward_cache_entries{<nodes>} / ringward_cache_limit_entries{<nodes>}", "{{instance}}"),),
            Unit.RATIO,
            highest=1,
        ),
        Panel(
            "Memory of the cache",
            "Below its limit, or at it without many evictions.",
            "At the limit with many evictions: raise service.permission.cache.max_cost, if the container has "
            "the memory.",
            (
                Query("ringward_cache_bytes{<nodes>}", "{{instance}}"),
                Query("max(ringward_cache_limit_bytes{<nodes>})", "limit"),
            ),
            Unit.BYTES,
        ),
        Panel(
            "Schemas",
            "As many held as there are tenants asked for; compilations only when schemas are written or nodes start.",
            "Compilations all the time: more versions are in use than are held.",
            (
                Query("sum by (instance) (ringward_schema_cache_entries{<nodes>})", "held: {{instance}}"),
                Query(
                    "sum by (instance) (increase(ringward_schema_compilations_total{<nodes>}[$__rate_interval]))",
                    "compiled: {{instance}}",
                ),
            ),
        ),
    ),
)

_DATABASE = Row(
    "The database",
    (
        Panel(
            "How long it takes to answer",
            "About a millisecond.",
            "All nodes: the database is busy, see its own dashboards. One: the network of that node.",
            (Query("ringward_store_ping_seconds{<nodes>}", "{{instance}}"),),
            Unit.SECONDS,
            alarms_at=0.25,
        ),
        Panel(
            "How long reading the newest snapshot takes",
            "A millisecond or two: every request that is not answered at a token waits for it.",
            "As for answers: the database, its network, or too few connections.",
            (
                Query(
                    f"{_rate('ringward_head_read_seconds_total', 'instance')} / "
                    f"{_rate('ringward_head_reads_total', 'instance')}",
                    "{{instance}}",
                ),
            ),
            Unit.SECONDS,
            warns_at=0.05,
        ),
        Panel(
            "Nodes that miss it",
            "None.",
            "The database is away for these: unreachable, or failing what it is asked.",
            (Query('sum by (standing) (ringward_standing{<nodes>, standing=~"unreachable|failing"})', "{{standing}}"),),
            alarms_at=1,
        ),
        Panel(
            "Connections in use",
            "Well below the limit.",
            "At the limit: requests wait; raise database.max_open_connections, if the database has them to give.",
            (
                Query(
                    'sum by (instance, pool) (ringward_pool_connections{<nodes>, state="used"})',
                    "{{pool}} {{instance}}",
                ),
                Query("max by (pool) (ringward_pool_connections_limit{<nodes>})", "limit of the {{pool}}"),
            ),
        ),
        Panel(
            "Connections open",
            "Steady.",
            "Opened again and again: something between closes them; set database.max_connection_idle_time below its "
            "bound.",
            (
                Query("sum by (pool, state) (ringward_pool_connections{<nodes>})", "{{pool}}, {{state}}"),
                Query(
                    "sum by (pool) (increase(ringward_pool_connections_opened_total{<nodes>}[$__rate_interval]))",
                    "opened for the {{pool}}",
                ),
            ),
        ),
        Panel(
            "Requests that wait for a connection",
            "None.",
            "The pool is too small for the load, or statements take too long.",
            (Query("sum by (instance, pool) (ringward_pool_waiting{<nodes>})", "{{pool}} {{instance}}"),),
        ),
        Panel(
            "Wait for a connection, mean",
            "Nothing, or far less than a millisecond.",
            "Beyond 10 ms callers feel it: more connections, more nodes, or a faster database.",
            (
                Query(
                    f"{_rate('ringward_pool_wait_seconds_total', 'instance', 'pool')} / "
                    f"{_rate('ringward_pool_uses_total', 'instance', 'pool')}",
                    "{{pool}} {{instance}}",
                ),
            ),
            Unit.SECONDS,
            warns_at=0.01,
        ),
        Panel(
            "Uses, waits, refusals",
            "No refusals, few waits.",
            "A refusal is a request that failed with UNAVAILABLE: too many waited, or none became free in time.",
            (
                Query(_rate("ringward_pool_uses_total", "pool"), "uses of the {{pool}}"),
                Query(_rate("ringward_pool_waits_total", "pool"), "waits for the {{pool}}"),
                Query(_rate("ringward_pool_refusals_total", "pool"), "refusals of the {{pool}}"),
            ),
            Unit.PER_SECOND,
        ),
    ),
)

_REPLICA = Row(
    "The replica",
    (
        Panel(
            "Reads tried on it",
            "Mostly answered; the more is written, the more are behind. Empty without a replica.",
            "behind: it lags behind what clients ask for, and the writer does the work. failed: it is away.",
            (Query(_rate("ringward_replica_reads_total", "outcome"), "{{outcome}}"),),
            Unit.PER_SECOND,
            Form.STACK,
            width=12,
        ),
        Panel(
            "How far it is behind",
            "Below a second.",
            "Long transactions or a busy replica; answers stay right, but the writer bears the reads.",
            (Query("ringward_replica_lag_seconds{<nodes>}", "{{instance}}"),),
            Unit.SECONDS,
            width=12,
            warns_at=10,
            alarms_at=60,
        ),
    ),
)

_WATCHING = Row(
    "Those who watch",
    (
        Panel(
            "Streams",
            "As many as there are followers of changes.",
            "Falls to 0 with its node, and comes back on the others: followers resume from their token.",
            (
                Query("sum by (instance) (ringward_watchers{<nodes>})", "streams: {{instance}}"),
                Query("sum by (instance) (ringward_watch_tails{<nodes>})", "tenants: {{instance}}"),
            ),
        ),
        Panel(
            "Commits read for them",
            "The rate of writes to what is followed.",
            "None while there are writes: see how far they are behind.",
            (Query(_rate("ringward_watch_commits_total", "instance"), "{{instance}}"),),
            Unit.PER_SECOND,
        ),
        Panel(
            "How far the tail is behind",
            "Below a second.",
            "Rising: the database is slow, or somebody writes more than a node can read; followers hear late.",
            (Query("ringward_watch_tail_lag_seconds{<nodes>}", "{{instance}}"),),
            Unit.SECONDS,
            warns_at=10,
        ),
    ),
)

_GARBAGE = Row(
    "Garbage collection",
    (
        Panel(
            "Since the last pass that ended well",
            "Below a few times database.garbage_collection.interval on every node. Empty where it is off.",
            "Rising on all nodes: passes fail, and old rows stay; the log says why.",
            (
                Query(
                    "time() - ringward_garbage_collection_last_success_timestamp_seconds{<nodes>}",
                    "{{instance}}",
                ),
            ),
            Unit.SECONDS,
            width=6,
        ),
        Panel(
            "Passes",
            "completed.",
            "failed: the database refused, or database.garbage_collection.timeout is too short.",
            (
                Query(
                    "sum by (outcome) (increase(ringward_garbage_collection_passes_total{<nodes>}[$__rate_interval]))",
                    "{{outcome}}",
                ),
            ),
            width=6,
        ),
        Panel(
            "Rows removed",
            "About as many as are deleted and replaced by writes.",
            "None while there are writes: the window is long, or passes fail.",
            (Query(_rate("ringward_garbage_collection_rows_total", "kind"), "{{kind}}"),),
            Unit.ROWS_PER_SECOND,
            width=6,
        ),
        Panel(
            "Time it takes",
            "A small part of a second each second.",
            "Near the timeout in each pass: shorten the interval, so that each finds less.",
            (Query(_rate("ringward_garbage_collection_seconds_total", "instance"), "{{instance}}"),),
            Unit.RATIO,
            width=6,
        ),
    ),
)

STORAGE = Dashboard(
    "storage",
    "Ringward: storage",
    "What checks cost, what the cache spares, and how the database bears it.",
    (_CHECKS, _CACHE, _DATABASE, _REPLICA, _WATCHING, _GARBAGE),
)
