"""Nodes, each as a process."""

from __future__ import annotations

from tests.observability.stories.story import BUILD, Story, nodes

PROCESS = "process_start_time_seconds{<a>}"
DAY_S = 86400
NOW_S = 3600  # what time() is after an hour

_UP = nodes("up", "1x60", "1x60", "1x60") | {BUILD % node: "1x60" for node in "abc"}

NODES = (
    Story("RingwardAbsent", "no node is heard of", {'up{job="other"}': "1x20"}, "10m", ("",)),
    Story("RingwardAbsent", "one node is heard of", {BUILD % "a": "1x20"}, "10m"),
    Story(
        "RingwardNoNodeReady",
        "none of three is",
        _UP | nodes("ringward_ready", "0x20", "0x20", "0x20"),
        "3m",
        ('namespace="prod"',),
    ),
    Story(
        "RingwardNoNodeReady",
        "all have died",
        nodes("up", *["1x5 0x20"] * 3)
        | nodes("ringward_ready", *["1x5"] * 3)
        | {BUILD % node: "1x5" for node in "abc"},
        "14m",
        ('job="ringward"',),
    ),
    Story("RingwardNoNodeReady", "one of three is", _UP | nodes("ringward_ready", "0x20", "0x20", "1x20"), "10m"),
    Story("RingwardNoNodeReady", "jobs of others have none", {'up{job="other", instance="x"}': "1x20"}, "10m"),
    Story(
        "RingwardNodeGone",
        "one of three dies",
        _UP | nodes("up", "1x60", "1x60", "1x10 0x50"),
        "20m",
        ('instance="c:9464"',),
    ),
    Story(
        "RingwardNodeGone",
        "one never comes up",
        {k: v for k, v in _UP.items() if "<c>" not in k} | {"up{<c>}": "0x60"},
        "20m",
        ('instance="c:9464"',),
    ),
    Story(
        "RingwardNodeGone",
        "one restarts within two minutes",
        _UP | nodes("up", "1x60", "1x60", "1x10 0x1 1x50"),
        "14m",
    ),
    Story("RingwardNodeGone", "something of others is gone", _UP | {'up{job="other", instance="x"}': "0x60"}, "20m"),
    Story(
        "RingwardNodeNotReady",
        "one stays unready",
        nodes("ringward_ready", "1x20", "1x20", "1x5 0x15"),
        "12m",
        ('instance="c:9464"',),
    ),
    Story(
        "RingwardNodeNotReady",
        "one is unready while it starts",
        nodes("ringward_ready", "1x20", "1x20", "0x1 1x19"),
        "4m",
    ),
    Story(
        "RingwardRestarting",
        "it restarts every five minutes",
        {PROCESS: "1x5 300x5 600x5 900x5 1200x20", BUILD % "a": "1x60"},
        "26m",
        ('instance="a:9464"',),
    ),
    Story("RingwardRestarting", "it was upgraded once", {PROCESS: "1x5 300x40", BUILD % "a": "1x60"}, "20m"),
    Story(
        "RingwardRestarting",
        "something of others restarts",
        {PROCESS: "1x5 300x5 600x5 900x5 1200x20", BUILD % "b": "1x60"},
        "26m",
    ),
    Story(
        "RingwardVersionsMixed",
        "an upgrade stands still",
        {BUILD % "a": "1x300", (BUILD % "b").replace("1.0", "1.1"): "1x300"},
        "3h",
        ("",),
    ),
    Story(
        "RingwardVersionsMixed",
        "an upgrade takes an hour",
        {BUILD % "a": "1x60", (BUILD % "b").replace("1.0", "1.1"): "1x300"},
        "3h",
    ),
    Story(
        "RingwardEventLoopLag",
        "a turn in ten is a fifth of a second late",
        {
            'ringward_event_loop_lag_seconds_bucket{<a>, le="0.1"}': "0+540x60",
            'ringward_event_loop_lag_seconds_bucket{<a>, le="0.25"}': "0+600x60",
            'ringward_event_loop_lag_seconds_bucket{<a>, le="+Inf"}': "0+600x60",
        },
        "20m",
        ('instance="a:9464"',),
    ),
    Story(
        "RingwardEventLoopLag",
        "a turn in two hundred is",
        {
            'ringward_event_loop_lag_seconds_bucket{<a>, le="0.1"}': "0+597x60",
            'ringward_event_loop_lag_seconds_bucket{<a>, le="0.25"}': "0+600x60",
            'ringward_event_loop_lag_seconds_bucket{<a>, le="+Inf"}': "0+600x60",
        },
        "20m",
    ),
    Story(
        "RingwardFileDescriptors",
        "nine tenths are open",
        {"process_open_fds{<a>}": "900x30", "process_max_fds{<a>}": "1000x30", BUILD % "a": "1x30"},
        "15m",
        ('instance="a:9464"',),
    ),
    Story(
        "RingwardFileDescriptors",
        "half are open",
        {"process_open_fds{<a>}": "500x30", "process_max_fds{<a>}": "1000x30", BUILD % "a": "1x30"},
        "15m",
    ),
    Story(
        "RingwardFileDescriptors",
        "those of others are open",
        {"process_open_fds{<a>}": "900x30", "process_max_fds{<a>}": "1000x30", BUILD % "b": "1x30"},
        "15m",
    ),
    *(
        Story(
            alert,
            title,
            {'ringward_certificate_expiry_timestamp_seconds{<a>, listener="grpc"}': f"{NOW_S + left_s}x90"},
            at,
            firing,
        )
        for alert, title, left_s, at, firing in (
            ("RingwardCertificateExpiring", "ten days are left", 10 * DAY_S, "80m", ('listener="grpc"',)),
            ("RingwardCertificateExpiring", "a month is left", 30 * DAY_S, "80m", ()),
            (
                "RingwardCertificateExpired",
                "it was valid until a quarter of an hour ago",
                -900,
                "1h",
                ('listener="grpc"',),
            ),
            ("RingwardCertificateExpired", "two days are left", 2 * DAY_S, "1h", ()),
        )
    ),
    Story(
        "RingwardLogLinesLost",
        "some are lost",
        {"ringward_log_lines_lost_total{<a>}": "0x10 7x20"},
        "14m",
        ('instance="a:9464"',),
    ),
    Story(
        "RingwardLogLinesLost", "some were lost an hour ago", {"ringward_log_lines_lost_total{<a>}": "0x10 7x80"}, "80m"
    ),
    Story(
        "RingwardTelemetryLost",
        "the collector is away",
        {'ringward_telemetry_items_total{<a>, signal="traces", outcome="lost"}': "0x10 9+9x20"},
        "20m",
        ('signal="traces"',),
    ),
    Story(
        "RingwardTelemetryLost",
        "all is sent",
        {
            'ringward_telemetry_items_total{<a>, signal="traces", outcome="lost"}': "0x40",
            'ringward_telemetry_items_total{<a>, signal="traces", outcome="sent"}': "0+9x40",
        },
        "20m",
    ),
)
