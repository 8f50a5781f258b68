"""How the nodes stand with one another."""

from __future__ import annotations

from helm.dashboards.panels import Dashboard, Form, Panel, Query, Row, Unit

_ASKS = "ringward_peer_asks_total{<nodes>}"
_FAILED_ASKS = 'ringward_peer_asks_total{<nodes>, outcome="failed"}'
_ASK_TIMES = "ringward_peer_ask_duration_seconds_bucket{<nodes>}"

_MEMBERS = Row(
    "Who is there",
    (
        Panel(
            "Members each node sees",
            "One line, at the number of nodes.",
            "Lines apart: some nodes do not see others. Is the peer port open between all zones, and the membership "
            "engine the same for all?",
            (Query("sum by (instance) (ringward_cluster_members{<nodes>})", "{{instance}}"),),
        ),
        Panel(
            "Members by zone",
            "The same number in each zone.",
            "A zone that is gone: the others carry its load; see RingwardZoneLost in the runbook.",
            (Query("max by (zone) (ringward_cluster_members{<nodes>})", "zone {{zone}}"),),
            form=Form.STACK,
        ),
        Panel(
            "Members in the ring",
            "As the members each node sees; with rings by zone those of its own.",
            "Fewer than members: a node has retired and is about to leave.",
            (Query("ringward_ring_members{<nodes>}", "{{instance}}"),),
        ),
        Panel(
            "Share of the keys",
            "About 1 divided by the nodes of the ring, for each.",
            "Twice that: nodes do not agree on who is there.",
            (Query("ringward_ring_own_share_ratio{<nodes>}", "{{instance}}"),),
            Unit.RATIO,
            highest=1,
        ),
        Panel(
            "Members that came and went",
            "Only when you deploy or scale.",
            "Again and again: a node restarts, or the network between nodes is bad.",
            (
                Query(
                    "sum by (change) (increase(ringward_membership_changes_total{<nodes>}[$__rate_interval]))",
                    "{{change}}",
                ),
            ),
        ),
        Panel(
            "The membership engine",
            "Connected: 1 for each node; losses: none.",
            "Nodes keep whom they know while it is away, but learn of nobody new: see to serf, Consul, Redis or DNS.",
            (
                Query("ringward_membership_engine_connected{<nodes>}", "connected: {{instance}}"),
                Query(
                    "increase(ringward_membership_engine_losses_total{<nodes>}[$__rate_interval])",
                    "losses: {{instance}}",
                ),
            ),
        ),
        Panel(
            "Nodes that are kept out",
            "None.",
            "They answer, but have another cluster key, name or protocol; the log of the node that keeps them out says "
            "which.",
            (Query("ringward_membership_refused{<nodes>}", "by {{instance}}"),),
            warns_at=1,
        ),
        Panel(
            "How it stands with nodes",
            "All serving.",
            "unreachable, failing: the database. joining, warming_up for longer than seconds: nodes that cannot reach "
            "their peers. leaving: somebody stops them.",
            (Query("sum by (standing) (ringward_standing{<nodes>})", "{{standing}}"),),
            form=Form.STACK,
        ),
        Panel(
            "Versions",
            "One; two while you upgrade.",
            "Two for long: an upgrade that stands still. They work together, but finish it.",
            (Query("count by (version, transport) (ringward_build_info{<nodes>})", "{{version}}, {{transport}}"),),
            form=Form.STACK,
        ),
    ),
)

_DISPATCH = Row(
    "Checks among nodes",
    (
        Panel(
            "Where checks of clients are answered",
            "In a cluster of n nodes about 1/n own, the rest near or passed on.",
            "Only own: the node sees nobody else.",
            (Query("sum by (route) (rate(ringward_checks_routed_total{<nodes>}[$__rate_interval]))", "{{route}}"),),
            Unit.CALLS_PER_SECOND,
            Form.STACK,
        ),
        Panel(
            "Answered near, of what others own",
            "As high as the same questions come back to the same node; few where callers spread evenly.",
            "Falls to nothing with a raised rate of writes: near entries end when what they depend on is written.",
            (
                Query(
                    'sum by (instance) (rate(ringward_checks_routed_total{<nodes>, route="near"}[$__rate_interval]))'
                    " / sum by (instance)"
                    ' (rate(ringward_checks_routed_total{<nodes>, route=~"near|passed_on"}[$__rate_interval]))',
                    "{{instance}}",
                ),
            ),
            Unit.RATIO,
            highest=1,
        ),
        Panel(
            "Fallen back",
            "None, but for moments when a node goes.",
            "The owner gave no answer and the check was worked out where it came in: look at the peers below.",
            (Query("rate(ringward_checks_fallen_back_total{<nodes>}[$__rate_interval])", "{{instance}}"),),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "Asks by outcome",
            "answered.",
            "failed: no answer, or none in time. given_up: callers left first, so their deadlines are short.",
            (Query(f"sum by (outcome) (rate({_ASKS}[$__rate_interval]))", "{{outcome}}"),),
            Unit.CALLS_PER_SECOND,
            Form.STACK,
        ),
        Panel(
            "Asks by the peer that is asked",
            "The same for all.",
            "One with far more: a hot key lives there.",
            (Query(f"sum by (peer) (rate({_ASKS}[$__rate_interval]))", "{{peer}}"),),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "Asks that failed, by peer",
            "None.",
            "All nodes fail to ask one peer: that node is ill. One node fails to ask all: that node, or its network.",
            (
                Query(
                    f"sum by (instance, peer) (rate({_FAILED_ASKS}[$__rate_interval]))",
                    "{{instance}} asks {{peer}}",
                ),
            ),
            Unit.CALLS_PER_SECOND,
        ),
        Panel(
            "How long peers take",
            "A millisecond or two more than a check takes.",
            "Rises with the load: peers are busy. Rises alone: the network between zones.",
            tuple(
                Query(
                    f"histogram_quantile({part}, sum by (le) (rate({_ASK_TIMES}[$__rate_interval])))",
                    f"{part * 100:.0f} %",
                )
                for part in (0.5, 0.9, 0.99)
            ),
            Unit.SECONDS,
        ),
        Panel(
            "99th percentile by peer",
            "Lines close together; peers in other zones a millisecond more.",
            "One far above: that node is busy, or far away.",
            (
                Query(
                    f"histogram_quantile(0.99, sum by (le, peer) (rate({_ASK_TIMES}[$__rate_interval])))",
                    "{{peer}}",
                ),
            ),
            Unit.SECONDS,
        ),
        Panel(
            "Asked and not answered yet",
            "Below a hundred or so.",
            "Growing: the peer answers slower than it is asked.",
            (Query("sum by (peer) (ringward_peer_asks_in_flight{<nodes>})", "{{peer}}"),),
        ),
        Panel(
            "Breakers that are open",
            "None.",
            "The peer did not answer and is not asked for a while: is it gone, frozen, or cut off?",
            (
                Query(
                    "sum by (instance, peer) (ringward_peer_breaker_open{<nodes>})",
                    "{{instance}} does not ask {{peer}}",
                ),
            ),
            alarms_at=1,
        ),
        Panel(
            "Streams that stand",
            "All peers of a node, once it has asked them.",
            "One less, while its breaker is closed: opened when it is next needed.",
            (Query("sum by (instance) (ringward_peer_connected{<nodes>})", "{{instance}}"),),
        ),
        Panel(
            "Answered to others",
            "The same for all nodes.",
            "None: nobody asks this node; is it in the ring of the others?",
            (Query("rate(ringward_peer_answered_total{<nodes>}[$__rate_interval])", "{{instance}}"),),
            Unit.CALLS_PER_SECOND,
        ),
    ),
)

_COMING = Row(
    "Coming and going",
    (
        Panel(
            "Answers handed over",
            "Some thousands when a node joins: it takes over what was known of its keys.",
            "None at a join: the node starts cold, and its checks are slower for minutes.",
            (
                Query(
                    "sum by (direction) (increase(ringward_warm_up_answers_total{<nodes>}[$__rate_interval]))",
                    "{{direction}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "For how long nodes run",
            "Rising lines.",
            "Lines that fall to 0 again and again: a node that restarts; its log says why, or the kernel ended it for "
            "its memory.",
            (Query("time() - process_start_time_seconds{<nodes>}", "{{instance}}"),),
            Unit.SECONDS,
            width=12,
        ),
    ),
)

CLUSTER = Dashboard(
    "cluster",
    "Ringward: cluster",
    "Who is in the cluster, how checks go between nodes, and who does not answer.",
    (_MEMBERS, _DISPATCH, _COMING),
)
