"""Metrics of a node among others: who is there, what is whose, and how peers answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from cluster.peers.breaker import BreakerState
from cluster.peers.peer import PeerState
from node.cluster import Cluster
from telemetry.metrics import Metrics, Numbers


def declare_cluster(metrics: Metrics, cluster: Cluster) -> None:
    """The ring, its members, and what goes on between them."""
    _declare_routing(metrics, cluster)
    _declare_membership(metrics, cluster)
    _declare_peers(metrics, cluster)


def _declare_routing(metrics: Metrics, cluster: Cluster) -> None:
    def routed() -> Numbers:
        counts = cluster.checks.counts
        return {("own",): counts.owned, ("near",): counts.near, ("passed_on",): counts.passed_on}

    metrics.counters("ringward_checks_routed_total", "Checks of clients, by where they went.", ("route",), routed)
    metrics.counter(
        "ringward_checks_fallen_back_total",
        "Checks answered here since their owner gave no answer.",
        lambda: cluster.checks.counts.unanswered,
    )
    metrics.counters(
        "ringward_warm_up_answers_total",
        "Answers taken over from others when joining, and given to others.",
        ("direction",),
        lambda: {("taken",): cluster.warm_up.taken, ("given",): cluster.warm_up.given},
    )


def _declare_membership(metrics: Metrics, cluster: Cluster) -> None:
    roll_call = cluster.roll_call
    metrics.gauge(
        "ringward_ring_members", "Nodes that share the keys with this one, and it.", lambda: len(roll_call.ring)
    )
    metrics.gauge(
        "ringward_ring_own_share_ratio", "The part of the keys this node owns.", lambda: cluster.own_share_ratio
    )
    metrics.gauges(
        "ringward_cluster_members",
        "Nodes that serve.",
        ("zone",),
        lambda: {(zone,): count for zone, count in Counter(member.zone for member in roll_call.members).items()},
    )
    metrics.counters(
        "ringward_membership_changes_total",
        "Members that came and went.",
        ("change",),
        lambda: {("joined",): roll_call.counts.joined, ("left",): roll_call.counts.left},
    )
    metrics.counter(
        "ringward_membership_engine_losses_total",
        "How often the membership engine was lost.",
        lambda: roll_call.counts.engine_losses,
    )
    metrics.gauge(
        "ringward_membership_engine_connected",
        "1 while the membership engine is heard.",
        lambda: roll_call.is_engine_connected,
    )
    metrics.gauge("ringward_membership_refused", "Nodes that are kept out.", lambda: len(roll_call.refused))


def _declare_peers(metrics: Metrics, cluster: Cluster) -> None:
    peers = cluster.peers

    def of_each(read: Callable[[PeerState], float]) -> Callable[[], Numbers]:
        return lambda: {(peer.address,): read(peer) for peer in peers.states}

    def asks() -> Numbers:
        outcomes = {
            peer.address: {"answered": peer.answered, "failed": peer.failed, "given_up": peer.given_up}
            for peer in peers.states
        }
        return {(peer, outcome): count for peer, found in outcomes.items() for outcome, count in found.items()}

    metrics.counters("ringward_peer_asks_total", "Checks asked of a peer.", ("peer", "outcome"), asks)
    metrics.histograms(
        "ringward_peer_ask_duration_seconds",
        "From asking a peer to its answer, or until it was waited for no longer.",
        ("peer",),
        lambda: {(address,): durations_s for address, durations_s in peers.durations_s.items()},
    )
    metrics.gauges(
        "ringward_peer_asks_in_flight", "Asked, not answered yet.", ("peer",), of_each(lambda peer: peer.in_flight)
    )
    metrics.gauges(
        "ringward_peer_connected",
        "1 if the stream to the peer stands.",
        ("peer",),
        of_each(lambda peer: peer.is_connected),
    )
    metrics.gauges(
        "ringward_peer_breaker_open",
        "1 while the peer is not asked.",
        ("peer",),
        of_each(lambda peer: peer.breaker is BreakerState.OPEN),
    )
    metrics.counter(
        "ringward_peer_answered_total",
        "Asks of other nodes this one has answered.",
        lambda: cluster.counts().answered_for_peers,
    )
