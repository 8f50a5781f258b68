"""The embedded store: one SQLite file, or memory; multi-version, owned by one process.

Theory of operation. Every commit has a number, 1, 2, 3 … across all tenants. A row of tuples or attributes carries the
commit that created it (in its id, see ``layout.py``) and the commit that expired it (the largest int64 while it
lives), so the snapshot of commit ``n`` sees the rows with ``created <= n < expired`` and keeps seeing them, whatever is
committed later.

Reads run on the event loop: each is a few microseconds of B-tree work, cheaper than a hop to a thread; long ones are
cut into turns with an await between. Writes run one after another on the writer thread, which alone numbers commits.
After COMMIT it publishes the new head in ``timeline.py``; until then no snapshot has a number that sees its rows.

Garbage collection first commits and publishes a higher horizon, then removes what no snapshot from the horizon on can
see. A reader compares its snapshot with the horizon before it reads and once more after: rows it could see are removed
only after the horizon has passed it, so if the second look finds it still in front, it has missed nothing.

In memory both sides share one connection, so a lock makes a write transaction and a turn of reading exclude each
other: a read may wait for the write in progress, about 10 µs per tuple written. A file has two connections and WAL,
and nobody waits.

A change, from top to bottom: ``store.py`` → ``writer.py`` (the thread, the transaction) → ``changes.py`` (statements).
A read: ``store.py`` → ``points.py`` or ``pages.py`` → ``reader.py`` (the connection).
"""

from storage.sqlite.settings import SqliteSettings
from storage.sqlite.store import SqliteStorage

__all__ = ["SqliteSettings", "SqliteStorage"]
