"""The store for production: PostgreSQL 13 or newer, shared by any number of nodes.

Theory of operation. Every write is one transaction of PostgreSQL's, known by the server's own id for it. A row of
tuples or attributes carries the transaction that created it and the one that expired it, so a snapshot sees the rows
whose creation it sees and whose expiry it does not, and keeps seeing them, whatever is committed later.

A snapshot is PostgreSQL's own ``pg_snapshot``, read live. The head is one whose reading began after it was asked for
(``heads.py``); a write gives one that sees it. Both are cut off behind the newest transaction of the store, so that an
idle store has one head. Snapshots are partially ordered: of two, neither may see all the other sees.

Each statement that reads rows also reads the horizon and its own view of the database (``reading.py``). So a reader
never misses rows that garbage collection has removed, since the horizon passes a snapshot before anything it sees goes;
and a replica answers only what it has replayed.

Garbage collection, the tables and their steps are one matter for all nodes of a database; advisory locks let one do the
work at a time.

A change, from top to bottom: ``store.py`` → ``writer.py`` → ``changes.py`` → ``pools.py`` (who may use a connection)
→ ``connections.py``. A read: ``store.py`` → ``points.py``, ``lists.py`` or ``pages.py`` → ``reading.py`` →
``pools.py``. Driver errors become ours in ``faults.py``. Importing this package alone does not load the driver.
"""
