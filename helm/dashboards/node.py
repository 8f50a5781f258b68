"""One node as a process: what it takes from its machine, and what it has to give up."""

from __future__ import annotations

from helm.dashboards.panels import Dashboard, Form, Panel, Query, Row, Unit

_LAG = "ringward_event_loop_lag_seconds_bucket{<nodes>}"

_MACHINE = Row(
    "What it takes",
    (
        Panel(
            "CPU",
            "Below 0.7 of a core; the native transport adds up to one more.",
            "Near 1: the event loop is full, and all calls wait; add nodes, a bigger machine does not help.",
            (Query("rate(process_cpu_seconds_total{<nodes>}[$__rate_interval])", "{{instance}}"),),
            warns_at=0.7,
            alarms_at=0.95,
        ),
        Panel(
            "Memory",
            "Rises with the cache until that is full, then level.",
            "Still rising with a full cache: look for streams and requests in progress; near the container's limit the "
            "kernel ends the process.",
            (Query("process_resident_memory_bytes{<nodes>}", "{{instance}}"),),
            Unit.BYTES,
        ),
        Panel(
            "Memory, reserved addresses",
            "Level.",
            "Rising together with resident memory: see there. Alone it costs nothing.",
            (Query("process_virtual_memory_bytes{<nodes>}", "{{instance}}"),),
            Unit.BYTES,
        ),
        Panel(
            "File descriptors, of the most",
            "Below half.",
            "Connections of clients that are never closed: raise the limit of open files, or bound connections at the "
            "balancer.",
            (Query("process_open_fds{<nodes>} / process_max_fds{<nodes>}", "{{instance}}"),),
            Unit.RATIO,
            warns_at=0.8,
            highest=1,
        ),
        Panel(
            "Connections of gRPC clients",
            "The same for all nodes.",
            "All with one node: clients keep their first connection; balance by request, or bound its age.",
            (Query("ringward_grpc_connections{<nodes>}", "{{instance}}"),),
        ),
        Panel(
            "For how long it runs",
            "A rising line.",
            "It falls to 0 each time it starts: its log, or that of the machine, says why it ended.",
            (Query("time() - process_start_time_seconds{<nodes>}", "{{instance}}"),),
            Unit.SECONDS,
        ),
    ),
)

_LOOP = Row(
    "The event loop",
    (
        Panel(
            "Lag",
            "The 99th percentile below 10 ms.",
            "Beyond 50 ms every caller feels it: large requests (bulk checks, big writes, expansions), garbage "
            "collection of Python, or a machine that is too busy.",
            (
                Query(
                    f"histogram_quantile(0.5, sum by (le, instance) (rate({_LAG}[$__rate_interval])))",
                    "50 % {{instance}}",
                ),
                Query(
                    f"histogram_quantile(0.99, sum by (le, instance) (rate({_LAG}[$__rate_interval])))",
                    "99 % {{instance}}",
                ),
            ),
            Unit.SECONDS,
            warns_at=0.05,
            alarms_at=0.25,
        ),
        Panel(
            "Lag, all of it",
            "One band near the bottom.",
            "Single fields far above: something held the loop for so long; the profiler shows what.",
            (Query(f"sum by (le) (increase({_LAG}[$__rate_interval]))", "{{le}}"),),
            Unit.SECONDS,
            Form.HEATMAP,
        ),
        Panel(
            "Tasks",
            "Some tens, and one or a few for each request in progress.",
            "Growing without end: requests wait for something, see “Ringward: storage”.",
            (Query("ringward_event_loop_tasks{<nodes>}", "{{instance}}"),),
        ),
        Panel(
            "Collections of Python's garbage",
            "The oldest generation rarely: at most every few seconds.",
            "Generation 2 many times a second: each holds the loop; much memory is made and dropped by large requests.",
            (
                Query(
                    "sum by (instance, generation) (rate(python_gc_collections_total{<nodes>}[$__rate_interval]))",
                    "generation {{generation}}, {{instance}}",
                ),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Objects they found",
            "Steady with the load.",
            "Uncollectable ones are a leak: report it.",
            (
                Query(
                    "sum by (instance) (rate(python_gc_objects_collected_total{<nodes>}[$__rate_interval]))",
                    "collected: {{instance}}",
                ),
                Query(
                    "sum by (instance) (python_gc_objects_uncollectable_total{<nodes>})",
                    "uncollectable: {{instance}}",
                ),
            ),
        ),
        Panel(
            "How it stands with nodes",
            "All serving.",
            "The name says what is the matter; the log says why.",
            (Query("ringward_standing{<nodes>} == 1", "{{instance}} {{standing}}"),),
        ),
    ),
)

_LIMITS = Row(
    "Limits",
    (
        Panel(
            "Calls and streams in progress, of the most",
            "Well below 1. Empty where there is no limit.",
            "At 1 further ones are refused with RESOURCE_EXHAUSTED: the node is slow, or the limit low.",
            (
                Query(
                    "ringward_concurrency_in_use{<nodes>} / (ringward_concurrency_limit{<nodes>} > 0)",
                    "{{kind}} {{instance}}",
                ),
            ),
            Unit.RATIO,
            highest=1,
            warns_at=0.9,
        ),
        Panel(
            "Calls, and what the rate limit allows",
            "Calls below the limit; 0 for no limit.",
            "At the limit calls are refused: raise server.rate_limit if the CPU allows it, else add nodes.",
            (
                Query("sum by (instance) (rate(ringward_requests_total{<nodes>}[$__rate_interval]))", "{{instance}}"),
                Query("max(ringward_rate_limit_calls_per_second{<nodes>})", "limit of each node"),
            ),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "Refused at the entrance",
            "Empty.",
            "The name says which limit. unauthenticated: callers without a key, or with an old one. By the transport: "
            "what is no call, or larger or slower than one may be; somebody tries things out, or means another port.",
            (
                Query(
                    "sum by (instance, reason) (rate(ringward_requests_refused_total{<nodes>}[$__rate_interval]))",
                    "{{reason}} {{instance}}",
                ),
                Query(
                    "sum by (instance, reason) (rate(ringward_grpc_refused_total{<nodes>}[$__rate_interval]))",
                    "by the transport: {{reason}} {{instance}}",
                ),
            ),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "The limit the nodes keep together",
            "1; empty without server.rate_limit_redis.",
            "0: its Redis is away, and each node keeps its own limit meanwhile.",
            (Query("ringward_cluster_rate_limit_kept{<nodes>}", "{{instance}}"),),
            highest=1,
        ),
        Panel(
            "Certificates: days left",
            "Weeks. Empty without TLS.",
            "Renew them; nodes take new files while they run.",
            (
                Query(
                    "(ringward_certificate_expiry_timestamp_seconds{<nodes>} - time()) / 86400",
                    "{{listener}} {{instance}}",
                ),
            ),
            warns_at=14,
            alarms_at=3,
            is_low_bad=True,
        ),
        Panel(
            "What runs",
            "One version and transport for all nodes.",
            "Others: an upgrade under way, or a node without the native transport, which is slower.",
            (Query("count by (version, transport) (ringward_build_info{<nodes>})", "{{version}}, {{transport}}"),),
            form=Form.STACK,
        ),
    ),
)

_TELLING = Row(
    "What it tells others",
    (
        Panel(
            "Lines of the log that were lost",
            "None.",
            "Whoever takes the log does not keep up, or the disk is full: the node goes on without those lines.",
            (Query("increase(ringward_log_lines_lost_total{<nodes>}[$__rate_interval])", "{{instance}}"),),
            warns_at=1,
        ),
        Panel(
            "Traces, metrics and logs sent to the collector",
            "sent. Empty where none is configured.",
            "lost: the collector is away, slow or refuses; checks do not wait for it.",
            (
                Query(
                    "sum by (signal, outcome) (rate(ringward_telemetry_items_total{<nodes>}[$__rate_interval]))",
                    "{{signal}} {{outcome}}",
                ),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Waiting to be sent",
            "Few.",
            "4 096: no more is kept, and the oldest is lost.",
            (
                Query(
                    "sum by (instance, signal) (ringward_telemetry_items_waiting{<nodes>})", "{{signal}} {{instance}}"
                ),
            ),
        ),
    ),
)

NODE = Dashboard(
    "node",
    "Ringward: node",
    "Nodes as processes: CPU, memory, the event loop, limits, and what they could not tell.",
    (_MACHINE, _LOOP, _LIMITS, _TELLING),
)
