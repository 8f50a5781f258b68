"""What the PostgreSQL store can be told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """Safe as it stands, but for the address.

    writer_uri: ``postgresql://user:password@host:port/database?sslmode=…``, the server that takes writes. reader_uri:
    the same for a replica, which then answers the reads it is recent enough for; None reads from the writer.

    Each of the two has a pool of its own. least_connections: opened at the start, so that the first requests do not
    wait for them. most_connections: about two per core of the database server, divided among all nodes; more only makes
    statements wait inside the server instead of here. lifetime_s: a connection older than this, plus a random part of
    up to lifetime_jitter_s so that not all end together, is replaced; shorter follows a failover behind one name
    sooner, at the price of a few milliseconds each. idle_s: one unused for this long is closed. health_check_period_s:
    how long a connection is silent before either end probes the other; three probes unanswered end it.

    connect_timeout_s: opening one connection. acquire_timeout_s: waiting for a free one, then the request fails as
    Unavailable. most_waiting: how many may wait for a free one in each pool; further ones are refused as LimitExceeded,
    since by the time they were served nobody would be there any more. statement_timeout_s: one statement; a bound for
    what hangs, callers bring deadlines of their own. reader_timeout_s: the same on a replica, after which the writer is
    asked instead; keep it below the deadlines of callers, else a replica that hangs uses them up.

    max_retries: further attempts of a write that met another one.
    is_behind_pooler: set for pgbouncer in transaction mode and the like: statements are not kept prepared, which costs
    planning each anew, and no session settings are sent.
    """

    writer_uri: str = field(repr=False)
    reader_uri: str | None = field(default=None, repr=False)
    least_connections: int = 1
    most_connections: int = 20
    lifetime_s: float = 300.0
    lifetime_jitter_s: float = 60.0
    idle_s: float = 60.0
    health_check_period_s: float = 60.0
    connect_timeout_s: float = 5.0
    acquire_timeout_s: float = 5.0
    statement_timeout_s: float = 30.0
    reader_timeout_s: float = 2.0
    most_waiting: int = 1000
    max_retries: int = 10
    is_behind_pooler: bool = False
