"""What the embedded store can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SqliteSettings:
    """Safe as it stands.

    busy_timeout_s: how long a write waits while another process holds the file locked, before it fails as Unavailable;
    longer survives backups with foreign tools, shorter fails sooner.
    read_busy_timeout_s: the same for a read. Reads run on the event loop, so the whole node waits with them: keep it
    far below what a caller notices.
    cache_bytes: page cache of each of the two connections; about a third of the file keeps the upper levels of every
    index in memory, more helps only where the operating system's own cache is small.
    most_waiting_writes: writes queued for the writer thread before further ones are refused as Unavailable; each holds
    its request in memory.
    collected_rows: rows removed in one transaction of garbage collection. A write may wait for one such transaction,
    about 20 µs per row.
    """

    busy_timeout_s: float = 5.0
    read_busy_timeout_s: float = 0.05
    cache_bytes: int = 64 * 1024 * 1024
    most_waiting_writes: int = 1000
    collected_rows: int = 1000
