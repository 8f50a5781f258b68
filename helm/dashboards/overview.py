"""The page to open first: is the service well, and if not, where to look."""

from __future__ import annotations

from helm.dashboards.panels import Dashboard, Form, Panel, Query, Row, Unit

_CALLS = 'ringward_requests_total{<nodes>, rpc=~"$rpc"}'
_FAULTS = (
    'ringward_requests_total{<nodes>, rpc=~"$rpc", code=~"INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED|UNKNOWN|DATA_LOSS"}'
)
_TURNED_AWAY = (
    'ringward_requests_total{<nodes>, rpc=~"$rpc", code!~"OK|INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED|UNKNOWN|DATA_LOSS"}'
)
# Who watches stays for hours, which says nothing of how fast anything is.
_TIMES = 'ringward_request_duration_seconds_bucket{<nodes>, rpc=~"$rpc", rpc!="base.v1.Watch/Watch"}'
_CHECKS = 'ringward_request_duration_seconds_bucket{<nodes>, rpc="base.v1.Permission/Check"}'


def _with_zone(by_node: str) -> str:
    """The query, whose series are nodes, by the zones of these."""
    return (
        f"sum by (zone) (({by_node}) * on (namespace, job, instance) group_left (zone) ringward_build_info{{<nodes>}})"
    )


def _quantile(part: float, times: str, *by: str) -> str:
    return f"histogram_quantile({part}, sum by ({', '.join(('le', *by))}) (rate({times}[$__rate_interval])))"


_NOW = Row(
    "Now",
    (
        Panel(
            "Nodes that are not ready",
            "None.",
            "Row “The nodes” below tells which, and “Ringward: cluster” how it stands with them.",
            (Query("count(up{<nodes>}) - (sum(ringward_ready{<nodes>}) or vector(0))"),),
            form=Form.NUMBER,
            width=4,
            warns_at=1,
            alarms_at=2,
        ),
        Panel(
            "Nodes",
            "As many as were deployed.",
            "Prometheus does not know the missing ones: look at the deployment and at the targets of Prometheus.",
            (Query("count(up{<nodes>})"),),
            form=Form.NUMBER,
            width=4,
        ),
        Panel(
            "Calls",
            "As usual for the hour.",
            "A sudden fall means that callers do not reach the nodes: look at the balancer and at DNS.",
            (Query(f"sum(rate({_CALLS}[$__rate_interval]))"),),
            Unit.CALLS_PER_SECOND,
            Form.NUMBER,
            width=4,
        ),
        Panel(
            "Calls that failed",
            "Below 0.1 %, which is what the availability objective allows in the long run.",
            "“Failed, by code” below tells how; UNAVAILABLE is most often the database, DEADLINE_EXCEEDED overload.",
            (Query(f"(sum(rate({_FAULTS}[$__rate_interval])) or vector(0)) / sum(rate({_CALLS}[$__rate_interval]))"),),
            Unit.RATIO,
            Form.NUMBER,
            width=4,
            warns_at=0.001,
            alarms_at=0.01,
        ),
        Panel(
            "Check, 99th percentile",
            "A few milliseconds, and never beyond 100, the objective.",
            "Compare with the cache and the database below: few hits or a slow database show there.",
            (Query(_quantile(0.99, _CHECKS)),),
            Unit.SECONDS,
            Form.NUMBER,
            width=4,
            warns_at=0.05,
            alarms_at=0.1,
        ),
        Panel(
            "Checks the cache answers",
            "As usual; half and more where the same things are asked again.",
            "“The cache” below tells whether answers are missing or were closed by writes.",
            (
                Query(
                    'sum(rate(ringward_cache_lookups_total{<nodes>, result="hit"}[$__rate_interval]))'
                    " / sum(rate(ringward_cache_lookups_total{<nodes>}[$__rate_interval]))"
                ),
            ),
            Unit.RATIO,
            Form.NUMBER,
            width=4,
            warns_at=0.3,
            alarms_at=0.1,
            is_low_bad=True,
        ),
    ),
)

_REQUESTS = Row(
    "Calls: rate, errors, duration",
    (
        Panel(
            "Calls by RPC",
            "The mix of RPCs changes slowly.",
            "An RPC that jumps is one caller more often than many: limit it, or find it by the traces.",
            (Query(f"sum by (rpc) (rate({_CALLS}[$__rate_interval]))", "{{rpc}}"),),
            Unit.CALLS_PER_SECOND,
            Form.STACK,
        ),
        Panel(
            "Failed, by code",
            "Empty, but for single calls while a node is restarted.",
            "UNAVAILABLE: the database or a starting node. DEADLINE_EXCEEDED: too slow, or deadlines too short. "
            "INTERNAL: a bug, and the log has the error.",
            (Query(f"sum by (rpc, code) (rate({_FAULTS}[$__rate_interval]))", "{{code}} {{rpc}}"),),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "Turned away or ended by callers, by code",
            "Little, and steady: callers make mistakes.",
            "RESOURCE_EXHAUSTED: a limit, see “Refused at the entrance”. UNAUTHENTICATED after a change of keys: "
            "callers have the old ones. INVALID_ARGUMENT after a release: a caller's, or a schema that lost something.",
            (Query(f"sum by (rpc, code) (rate({_TURNED_AWAY}[$__rate_interval]))", "{{code}} {{rpc}}"),),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "How long calls take",
            "Steady; the 99th percentile within a few times the median.",
            "Points are traces of single calls: open one far up to see in which node, read or peer its time went.",
            (
                Query(_quantile(0.5, _TIMES), "50 %"),
                Query(_quantile(0.9, _TIMES), "90 %"),
                Query(_quantile(0.99, _TIMES), "99 %", exemplars=True),
            ),
            Unit.SECONDS,
        ),
        Panel(
            "How long calls take, all of them",
            "One dark band low down: answers of the cache; a lighter one above: those that were worked out.",
            "A band that moves up is the database or a busy node; one that appears far up is something new that waits.",
            (Query(f"sum by (le) (increase({_TIMES}[$__rate_interval]))", "{{le}}"),),
            Unit.SECONDS,
            Form.HEATMAP,
        ),
        Panel(
            "99th percentile by RPC",
            "Checks in milliseconds; lookups and expansions longer, by how much they find.",
            "One RPC alone: its callers ask for more, or a schema got deeper. All: the database or the nodes.",
            (Query(_quantile(0.99, _TIMES, "rpc"), "{{rpc}}"),),
            Unit.SECONDS,
        ),
        Panel(
            "In progress",
            "About the rate of calls times their duration; streams of Watch for as long as they are followed.",
            "Growing without end: calls wait for something, most often the database.",
            (Query('sum by (rpc) (ringward_requests_in_progress{<nodes>, rpc=~"$rpc"})', "{{rpc}}"),),
        ),
        Panel(
            "Refused at the entrance",
            "Empty.",
            "rate_limit and *_at_once: callers ask more than is allowed; raise the limit if the nodes are idle, else "
            "add nodes. unauthenticated: somebody has no key, or an old one.",
            (
                Query(
                    "sum by (reason) (rate(ringward_requests_refused_total{<nodes>}[$__rate_interval]))", "{{reason}}"
                ),
            ),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "Budget of errors, how fast it is spent",
            "Below 1: at that rate the 0.1 % that may fail lasts for the whole month.",
            "14.4 for an hour is 2 % of the month, and somebody is paged: see RingwardErrorBudgetFast in the runbook.",
            (
                Query(
                    f"(sum(rate({_FAULTS}[1h])) or vector(0)) / sum(rate({_CALLS}[1h])) / 0.001", "over the last hour"
                ),
                Query(f"(sum(rate({_FAULTS}[6h])) or vector(0)) / sum(rate({_CALLS}[6h])) / 0.001", "over six hours"),
            ),
            warns_at=1,
            alarms_at=14.4,
        ),
    ),
)

_CACHE = Row(
    "What calls need",
    (
        Panel(
            "The cache",
            "Mostly hits; misses after a start and when a new caller comes.",
            "closed follows the writes: what an answer depends on has been written. Many misses while entries are "
            "evicted: the cache is too small, see “Ringward: storage”.",
            (Query("sum by (result) (rate(ringward_cache_lookups_total{<nodes>}[$__rate_interval]))", "{{result}}"),),
            Unit.PER_SECOND,
            Form.STACK,
        ),
        Panel(
            "Where checks are answered",
            "In a cluster of n nodes about 1/n own; the rest near or passed on. Empty for a single node.",
            "fallen back: the owner gave no answer, and each of these cost its caller time: see “Ringward: cluster”.",
            (
                Query("sum by (route) (rate(ringward_checks_routed_total{<nodes>}[$__rate_interval]))", "{{route}}"),
                Query("sum(rate(ringward_checks_fallen_back_total{<nodes>}[$__rate_interval]))", "fallen back"),
            ),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "How long the store takes to answer",
            "About a millisecond, and the same for all nodes of a zone.",
            "All nodes: the database is slow or its host busy. One: its network. See “Ringward: storage”.",
            (Query("ringward_store_ping_seconds{<nodes>}", "{{instance}}"),),
            Unit.SECONDS,
            alarms_at=0.25,
        ),
    ),
)

_NODES = Row(
    "The nodes",
    (
        Panel(
            "Ready",
            "1 for each node.",
            "0: the node says why in its log and in “How it stands with nodes” of “Ringward: cluster”. A line that "
            "ends: the node is gone.",
            (Query("ringward_ready{<nodes>}", "{{instance}}"),),
            highest=1,
        ),
        Panel(
            "Members each node sees",
            "One line: all nodes see all of them.",
            "Lines apart for more than a minute: nodes do not see each other; see “Ringward: cluster”. Checks are "
            "right nevertheless, but the cache works worse.",
            (Query("sum by (instance) (ringward_cluster_members{<nodes>})", "{{instance}}"),),
        ),
        Panel(
            "CPU",
            "Below 0.7 of a core, so that another node's share can be taken over.",
            "Near 1: the node is full; add nodes. One node alone: a hot key, or a balancer that prefers it.",
            (Query("rate(process_cpu_seconds_total{<nodes>}[$__rate_interval])", "{{instance}}"),),
            warns_at=0.7,
            alarms_at=0.95,
        ),
        Panel(
            "Calls by node",
            "The same for all nodes.",
            "A node with none is out of the balancer: is it ready? gRPC clients that keep one connection stay where "
            "they are: let them balance, or bound the age of connections.",
            (Query(f"sum by (instance) (rate({_CALLS}[$__rate_interval]))", "{{instance}}"),),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "Calls by zone",
            "By the number of nodes in each zone.",
            "A zone without calls: its balancer or its nodes are gone.",
            (Query(_with_zone(f"sum by (namespace, job, instance) (rate({_CALLS}[$__rate_interval]))"), "{{zone}}"),),
            Unit.CALLS_PER_SECOND,
            Form.STACK,
        ),
        Panel(
            "Failed by node",
            "Empty.",
            "One node: restart or remove it, and read its log. All: what they share, the database above all.",
            (
                Query(
                    f"sum by (instance) (rate({_FAULTS}[$__rate_interval]))"
                    f" / sum by (instance) (rate({_CALLS}[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
            Unit.RATIO,
            warns_at=0.001,
            alarms_at=0.01,
        ),
        Panel(
            "99th percentile of Check, by node",
            "Lines close together.",
            "One far above: that node is busy (“Ringward: node”) or far from the database.",
            (Query(_quantile(0.99, _CHECKS, "instance"), "{{instance}}"),),
            Unit.SECONDS,
            alarms_at=0.1,
        ),
        Panel(
            "Failed by zone",
            "Empty.",
            "One zone: its network or its replica.",
            (Query(_with_zone(f"sum by (namespace, job, instance) (rate({_FAULTS}[$__rate_interval]))"), "{{zone}}"),),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "Event loop lag, 99th percentile",
            "Below 10 ms.",
            "Every call of the node waits for it: see “Ringward: node”.",
            (
                Query(
                    _quantile(0.99, "ringward_event_loop_lag_seconds_bucket{<nodes>}", "instance"),
                    "{{instance}}",
                ),
            ),
            Unit.SECONDS,
            warns_at=0.05,
            alarms_at=0.25,
        ),
    ),
)

OVERVIEW = Dashboard(
    "overview",
    "Ringward: overview",
    "Whether the service is well, and where to look if not.",
    (_NOW, _REQUESTS, _CACHE, _NODES),
    picks_rpc=True,
)
