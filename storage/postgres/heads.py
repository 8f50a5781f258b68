"""The head: one live snapshot, shared by everybody who was already waiting when its reading began.

At most one read runs. Who arrives while it runs must not have its result, since a write may have been acknowledged
between the two; so all who arrive meanwhile gather, and the next read serves them together, whatever their tenants.
That is what questions asked jointly do, one statement at a time (``joint.py``).

Who knows an earlier snapshot is told as well if nothing of the tenant lies between the two. Nothing does if they are
equal, which needs no look. So while heads rest, the statement looks for nothing else. It does once they move, or for
somebody who has fallen behind: then what moves them is mostly other tenants', and a look, a quarter of the statement's
cost, spares another statement (``news.py``). To look or not is a matter of cost alone.

The *history* is the life of the server, and the file of a table in it. A server that takes writes does so until it
stops: it becomes a standby only by a new start, and as a standby it gives no heads. So in one life ids count on in one
line, and nothing committed is lost; another server, or this one restored, has another time of start. A dump restored
while the server runs makes new files. The timeline of the log would tell nothing more, and there are services that
speak PostgreSQL and refuse to tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

import asyncpg

from model.errors import ErrorCode, InvalidRequest, Unavailable
from model.snapshot import Snapshot
from storage.base import Head, News
from storage.postgres.joint import JointQuestions
from storage.postgres.pools import Pool
from storage.postgres.snapshots import LIVE, Wire, is_possible, snapshot_of, text_of, trimmed

HISTORY = "concat(extract(epoch FROM pg_postmaster_start_time()), ' ', pg_relation_filepath('ringward.horizon'))"
"""SQL: the line of history that ids count in."""

MOST_TRANSACTIONS = 1000
"""News tell of so many transactions at once at most."""

UNSEEN = f"""
ARRAY(
    SELECT id FROM ringward.transactions
    WHERE tenant = asked.tenant AND id >= pg_snapshot_xmax(asked.since) AND id < '{LIVE}' {{condition}}
    UNION ALL
    SELECT found.id FROM pg_snapshot_xip(asked.since) AS late CROSS JOIN LATERAL (
        SELECT id FROM ringward.transactions WHERE tenant = asked.tenant AND id = late {{condition}} LIMIT 1
    ) AS found
    LIMIT {MOST_TRANSACTIONS + 1}
)
"""  # noqa: S608 - names are constants
"""SQL: the ids of a tenant's transactions a snapshot does not see; unordered, one too many if there are too many.

asked: a table with the columns tenant and since. condition: what else is asked of an id. Those that were in progress
are looked up one by one, so that a transaction that goes on for hours does not make this a search through hours. The
range has an upper end since without one the planner expects a third of the table.
"""

_HEADS = f"""
SELECT asked.place, pg_current_snapshot() AS snapshot, CASE WHEN NOT pg_is_in_recovery() THEN {HISTORY} END AS history,
    (SELECT id FROM ringward.transactions ORDER BY id DESC LIMIT 1) AS newest,
    (SELECT version FROM ringward.schemas s WHERE s.tenant = asked.tenant ORDER BY sequence DESC LIMIT 1) AS version,
"""  # noqa: S608 - names are constants
_HEADS_ALONE = f"""
{_HEADS} NULL::pg_snapshot AS horizon_of_none
FROM unnest($1::text[]) WITH ORDINALITY AS asked (tenant, place)
"""
_HEADS_AND_LOOK = f"""
{_HEADS} CASE WHEN cardinality({UNSEEN.format(condition="")}) = 0 THEN (SELECT snapshot FROM ringward.horizon) END
    AS horizon_of_none
FROM (
    SELECT tenant, since::pg_snapshot AS since, place
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (tenant, since, place)
) AS asked
"""  # noqa: S608 - names are constants
# horizon_of_none: the horizon where no ids unseen were found, which proves that there are none if it was not passed

_MOST_QUESTIONS = 10_000  # in one read; each is some descents into an index


class Sight(NamedTuple):
    """What one statement tells of the news.

    is_whole: false if transactions of the tenant may lie between the earlier snapshot and the head. What they touched
    is to be read yet then; ``touches`` is None, as it is if nobody asked.
    """

    news: News
    is_whole: bool


class Heads:
    """Reads heads from the server that takes writes: only there is what was acknowledged sure to be seen.

    reads, reads_s: how many statements that took so far, and how long they took together.
    """

    def __init__(self, writer: Pool) -> None:
        self.reads = 0
        self.reads_s = 0.0
        self._writer = writer
        self._joint = JointQuestions(self._read, at_once=1, most=_MOST_QUESTIONS)
        self._newest: Snapshot | None = None
        self._resting: Snapshot | None = None  # the newest head, if the reading before found the same

    async def sight(self, tenant: str, since: Snapshot | None = None) -> Sight:
        """The newest state of a tenant, by a read that began after the call. Raises as ``Pool.fetch``.

        Raises Unavailable too if the server turns out to be a standby, whose snapshots are not exact.
        """
        answers = await self._joint.ask([(_searchable(tenant), since)])
        assert answers is not None, "heads are never too much at once"
        return answers[0]

    def __repr__(self) -> str:
        joint = self._joint
        return f"Heads({joint.waiting} waiting, {'idle' if joint.is_idle else 'reading'})"

    async def _read(self, questions: Sequence[tuple[str, Snapshot | None]]) -> Sequence[Sight]:
        asked = list(dict.fromkeys(questions))
        self.reads += 1
        began_s = perf_counter()
        try:
            rows = await self._rows(asked)
        finally:
            self.reads_s += perf_counter() - began_s
        first = rows[0]
        if first["history"] is None:
            raise Unavailable("the database that should take writes is a standby now", ErrorCode.EXECUTION)
        snapshot = trimmed(snapshot_of(first["snapshot"]), first["newest"] or 0)
        self._resting, self._newest = snapshot if snapshot == self._newest else None, snapshot
        sights = {}
        for row in rows:
            question = asked[row["place"] - 1]
            is_whole = _has_nothing_come(question[1], snapshot, row["horizon_of_none"])
            head = Head(snapshot, row["version"] or "")
            sights[question] = Sight(News(head, first["history"], () if is_whole else None), is_whole)
        return [sights[question] for question in questions]

    async def _rows(self, asked: Sequence[tuple[str, Snapshot | None]]) -> Sequence[asyncpg.Record]:
        tenants = [tenant for tenant, _ in asked]
        if all(since is None or since == self._resting for _, since in asked):
            return await self._writer.fetch(_HEADS_ALONE, tenants)
        sinces = [text_of(since) if since is not None and is_possible(since) else None for _, since in asked]
        return await self._writer.fetch(_HEADS_AND_LOOK, tenants, sinces)


def _has_nothing_come(since: Snapshot | None, head: Snapshot, horizon_of_none: Wire | None) -> bool:
    """True if it is sure that no transaction of the tenant lies between an earlier snapshot and the head."""
    if since is None or since == head or horizon_of_none is None:
        return since == head
    return is_possible(since) and head.covers(since) and since.covers(snapshot_of(horizon_of_none))


def _searchable(tenant: str) -> str:
    """A name the database can be asked for, else it would fail everybody who asks in the same round."""
    try:
        tenant.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{tenant[:200]!r} is not valid Unicode text", ErrorCode.VALIDATION) from error
    return "" if "\0" in tenant else tenant  # nothing is stored under either
