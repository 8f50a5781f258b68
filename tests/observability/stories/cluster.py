"""Nodes among each other."""

from __future__ import annotations

from tests.observability.stories.story import Story, nodes


def _peers(answered: str, failed: str) -> dict[str, str]:
    asks = 'ringward_peer_asks_total{<a>, peer="b:5000", outcome="%s"}'
    return {asks % "answered": answered, asks % "failed": failed}


def _members(*seen: str) -> dict[str, str]:
    return nodes("ringward_cluster_members", *seen, labels=', zone="one"')


def _zones(one: str, two: str) -> dict[str, str]:
    return {f'ringward_cluster_members{{<a>, zone="{zone}"}}': count for zone, count in (("one", one), ("two", two))}


CLUSTER = (
    Story("RingwardZoneLost", "one of two goes", _zones("2x60", "2x20"), "30m", ('namespace="prod"',)),
    Story("RingwardZoneLost", "both shrink", _zones("2x20 1x40", "2x20 1x40"), "40m"),
    Story("RingwardRingShrunk", "one of three goes", _members("3x30 2x60", "3x30 2x60"), "50m", ("",)),
    Story("RingwardRingShrunk", "one of ten goes", _members("10x30 9x60", "10x30 9x60"), "50m"),
    Story(
        "RingwardRingShrunk",
        "one of three is replaced in five minutes",
        _members("3x30 2x5 3x60", "3x30 2x5 3x60"),
        "50m",
    ),
    Story("RingwardRingDisagreement", "one does not see another", _members("3x30", "3x30", "2x30"), "10m", ("",)),
    Story("RingwardRingDisagreement", "it does not for two minutes", _members("3x30", "3x30", "3x5 2x2 3x30"), "8m"),
    Story("RingwardRingDisagreement", "all see all", _members("3x30", "3x30", "3x30"), "20m"),
    Story(
        "RingwardRingIncomplete",
        "four are two and two",
        _members("2x30", "2x30") | nodes("ringward_ready", "1x30", "1x30", "1x30"),
        "10m",
        ("",),
    ),
    Story(
        "RingwardRingIncomplete",
        "all who are ready are seen",
        _members("3x30", "3x30") | nodes("ringward_ready", "1x30", "1x30", "0x30"),
        "10m",
    ),
    Story(
        "RingwardMembershipEngineLost",
        "one has lost it",
        nodes("ringward_membership_engine_connected", "1x30", "0x30"),
        "10m",
        ('instance="b:9464"',),
    ),
    Story(
        "RingwardMembershipEngineLost",
        "it was lost for a moment",
        nodes("ringward_membership_engine_connected", "1x5 0x2 1x30", "1x30"),
        "10m",
    ),
    Story(
        "RingwardMemberRefused",
        "somebody has another key",
        nodes("ringward_membership_refused", "1x30", "0x30"),
        "15m",
        ('instance="a:9464"',),
    ),
    Story("RingwardMemberRefused", "nobody has", nodes("ringward_membership_refused", "0x30", "0x30"), "15m"),
    Story("RingwardDispatchFailing", "a tenth fails", _peers("0+900x30", "0+100x30"), "12m", ('instance="a:9464"',)),
    Story("RingwardDispatchFailing", "some fail when a peer goes", _peers("0+900x30", "0x5 20x30"), "12m"),
    Story(
        "RingwardBreakerOpen",
        "a member does not answer",
        {'ringward_peer_breaker_open{<a>, peer="b:5000"}': "0x3 1x4 0x0 1x20"},
        "15m",
        ('peer="b:5000"',),
    ),
    Story(
        "RingwardBreakerOpen",
        "a member was away for a minute",
        {'ringward_peer_breaker_open{<a>, peer="b:5000"}': "0x5 1x1 0x20"},
        "10m",
    ),
)
