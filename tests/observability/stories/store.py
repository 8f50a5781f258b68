"""The cache, the database, its replica and its garbage."""

from __future__ import annotations

from tests.observability.stories.story import Story, nodes


def _lookups(hits: str, misses: str) -> dict[str, str]:
    return {
        f'ringward_cache_lookups_total{{<a>, result="{result}"}}': count
        for result, count in (("hit", hits), ("miss", misses))
    }


STORE = (
    Story(
        "RingwardCacheHitsCollapsed",
        "hits fall from 80 to 20 %",
        _lookups("0+4800x100 480000+1200x60", "0+1200x100 120000+4800x60"),
        "2h20m",
        ("",),
    ),
    Story(
        "RingwardCacheHitsCollapsed",
        "hits fall from 80 to 60 %",
        _lookups("0+4800x100 480000+3600x60", "0+1200x100 120000+2400x60"),
        "2h20m",
    ),
    Story(
        "RingwardCacheHitsCollapsed",
        "hardly anybody asks",
        _lookups("0+48x100 4800x60", "0+12x100 1200+60x60"),
        "2h20m",
    ),
    Story(
        "RingwardStoreUnreachable",
        "one node has no database",
        {
            'ringward_standing{<a>, standing="unreachable"}': "1x10",
            'ringward_standing{<b>, standing="unreachable"}': "0x10",
        },
        "5m",
        ('instance="a:9464"',),
    ),
    Story(
        "RingwardStoreUnreachable",
        "a node leaves",
        {
            'ringward_standing{<a>, standing="leaving"}': "1x10",
            'ringward_standing{<a>, standing="unreachable"}': "0x10",
        },
        "5m",
    ),
    Story(
        "RingwardStoreSlow",
        "a ping takes half a second",
        nodes("ringward_store_ping_seconds", "0.5x20", "0.001x20"),
        "10m",
        ('instance="a:9464"',),
    ),
    Story(
        "RingwardStoreSlow",
        "reading the head takes a fifth of a second",
        nodes("ringward_store_ping_seconds", "0.01x20")
        | {
            "ringward_head_read_seconds_total{<a>}": "0+12x20",
            "ringward_head_reads_total{<a>}": "0+60x20",
        },
        "12m",
        ('instance="a:9464"',),
    ),
    Story(
        "RingwardStoreSlow",
        "all is well",
        nodes("ringward_store_ping_seconds", "0.001x20")
        | {
            "ringward_head_read_seconds_total{<a>}": "0+0.1x20",
            "ringward_head_reads_total{<a>}": "0+60x20",
        },
        "12m",
    ),
    Story(
        "RingwardPoolWaits",
        "a use waits for 20 ms",
        {
            'ringward_pool_wait_seconds_total{<a>, pool="writer"}': "0+12x30",
            'ringward_pool_uses_total{<a>, pool="writer"}': "0+600x30",
        },
        "20m",
        ('pool="writer"',),
    ),
    Story(
        "RingwardPoolWaits",
        "a use waits for a millisecond",
        {
            'ringward_pool_wait_seconds_total{<a>, pool="writer"}': "0+0.6x30",
            'ringward_pool_uses_total{<a>, pool="writer"}': "0+600x30",
        },
        "20m",
    ),
    Story(
        "RingwardPoolExhausted",
        "requests get none",
        {'ringward_pool_refusals_total{<a>, pool="writer"}': "0x5 3+3x20"},
        "10m",
        ('pool="writer"',),
    ),
    Story("RingwardPoolExhausted", "all get one", {'ringward_pool_refusals_total{<a>, pool="writer"}': "3x20"}, "10m"),
    Story(
        "RingwardReplicaLag",
        "it is half a minute behind",
        nodes("ringward_replica_lag_seconds", "30x20"),
        "10m",
        ('instance="a:9464"',),
    ),
    Story("RingwardReplicaLag", "it is a second behind", nodes("ringward_replica_lag_seconds", "1x20"), "10m"),
    Story(
        "RingwardReplicaUnused",
        "nearly all go to the writer",
        {
            'ringward_replica_reads_total{<a>, outcome="answered"}': "0+60x150",
            'ringward_replica_reads_total{<a>, outcome="behind"}': "0+900x150",
        },
        "130m",
        ("",),
    ),
    Story(
        "RingwardReplicaUnused",
        "two of three do",
        {
            'ringward_replica_reads_total{<a>, outcome="answered"}': "0+60x150",
            'ringward_replica_reads_total{<a>, outcome="behind"}': "0+120x150",
        },
        "130m",
    ),
    Story(
        "RingwardWatchTailLag",
        "it is a minute behind",
        nodes("ringward_watch_tail_lag_seconds", "0x2 60x20"),
        "10m",
        ('instance="a:9464"',),
    ),
    Story(
        "RingwardWatchTailLag",
        "it is behind for a minute",
        nodes("ringward_watch_tail_lag_seconds", "0x2 60x1 0x20"),
        "10m",
    ),
    *(
        Story(
            "RingwardGarbageCollectionFailing",
            title,
            {
                f'ringward_garbage_collection_passes_total{{<{node}>, outcome="{outcome}"}}': count
                for (node, outcome), count in passes.items()
            },
            "3h",
            firing,
        )
        for title, passes, firing in (
            (
                "all passes fail",
                {("a", "completed"): "9x200", ("a", "failed"): "0+1x200", ("b", "failed"): "0+1x200"},
                ("",),
            ),
            (
                "those of one node fail",
                {("a", "completed"): "0+1x200", ("a", "failed"): "0x200", ("b", "failed"): "0+1x200"},
                (),
            ),
        )
    ),
    Story(
        "RingwardGarbageCollectionStuck",
        "none ended for three days",
        nodes("ringward_garbage_collection_last_success_timestamp_seconds", *["0x150", "60x150"]),
        "72h",
        ("",),
        "30m",
    ),
    Story(
        "RingwardGarbageCollectionStuck",
        "that of one node did",
        nodes("ringward_garbage_collection_last_success_timestamp_seconds", "0x150", "0+1800x150"),
        "72h",
        (),
        "30m",
    ),
)
