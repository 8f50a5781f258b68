"""Who is let in."""

from __future__ import annotations

from tests.observability.stories.story import CALLS, Story, nodes

ADMISSION = (
    *(
        Story(
            alert,
            title,
            {f'ringward_requests_refused_total{{<a>, reason="{reason}"}}': refused, CALLS % "OK": "0+900x30"},
            "20m",
            firing,
        )
        for alert, title, reason, refused, firing in (
            ("RingwardRateLimited", "one in nine is refused", "rate_limit", "0+100x30", ("",)),
            ("RingwardRateLimited", "one in ninety is refused", "rate_limit", "0+10x30", ()),
            ("RingwardRateLimited", "callers have no key", "unauthenticated", "0+300x30", ()),
            ("RingwardUnauthenticatedCalls", "a third has no key", "unauthenticated", "0+300x30", ("",)),
            ("RingwardUnauthenticatedCalls", "one in ninety has none", "unauthenticated", "0+10x30", ()),
        )
    ),
    *(
        Story(
            "RingwardConcurrencyNearLimit",
            title,
            {
                'ringward_concurrency_in_use{<a>, kind="calls"}': used,
                'ringward_concurrency_limit{<a>, kind="calls"}': limit,
            },
            "10m",
            firing,
        )
        for title, used, limit, firing in (
            ("19 of 20 are in progress", "19x20", "20x20", ('kind="calls"',)),
            ("half are", "10x20", "20x20", ()),
            ("there is no limit", "1000x20", "0x20", ()),
        )
    ),
    Story(
        "RingwardClusterLimitApart",
        "its Redis is away",
        nodes("ringward_cluster_rate_limit_kept", "0x20"),
        "15m",
        ('instance="a:9464"',),
    ),
    Story("RingwardClusterLimitApart", "it is there", nodes("ringward_cluster_rate_limit_kept", "1x20"), "15m"),
)
