"""The change feed, read from the rows themselves: each knows the transaction that created and the one that expired it.

What comes after a snapshot is what the newest view of the database sees and the snapshot does not. It is told in order
of transaction ids. A transaction that has to do with an earlier one has a higher id (``locks.py``), so each change fits
what was told before; one that commits late, after others with higher ids were told, has nothing to do with them.

Each commit is given with the snapshot that sees what the one before it saw, and of what is new in the view all up to
this commit's id. Of the tenant that is exactly what has been told, so going on from there loses and repeats nothing; of
others it may be more, which keeps it short: only ids in progress need to be listed.

One reading is one REPEATABLE READ transaction, so what the horizon says and what rows there are go together. A tenant
that was deleted has lost its rows at once. Its changes before that cannot be told, and rather than leave them out the
feed refuses every snapshot from before, as if it were behind the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import asyncpg

from model.attributes import Attribute
from model.errors import SnapshotExpired
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Commit, Operation
from storage.commit_changes import CommitChanges
from storage.postgres.arrivals import Arrivals
from storage.postgres.pools import Pool
from storage.postgres.snapshots import LIVE, ensure_readable, snapshot_of, wire_of
from storage.values import attribute_of

_AHEAD = """
SELECT pg_current_snapshot() AS view, (SELECT snapshot FROM ringward.horizon) AS horizon,
    (SELECT id FROM ringward.deletions_of_tenants
        WHERE tenant = $1 AND NOT pg_visible_in_snapshot(id, $2::pg_snapshot) ORDER BY id DESC LIMIT 1) AS deletion,
    ARRAY(SELECT id FROM ringward.transactions
        WHERE tenant = $1 AND id >= pg_snapshot_xmin($2::pg_snapshot)
            AND NOT pg_visible_in_snapshot(id, $2::pg_snapshot)
        ORDER BY id LIMIT $3) AS numbers
"""
_WENT_TUPLE, _CAME_TUPLE, _WENT_ATTRIBUTE, _CAME_ATTRIBUTE = range(4)
_CHANGES = f"""
DECLARE changes NO SCROLL CURSOR FOR
SELECT expired AS number, {_WENT_TUPLE} AS sort, id,
    entity_type, entity_id, relation, subject_type, subject_id, subject_relation, NULL::smallint
FROM ringward.tuples WHERE tenant = $1 AND expired = ANY ($2::xid8[]) AND expired < '{LIVE}'
UNION ALL
SELECT created, {_CAME_TUPLE}, id,
    entity_type, entity_id, relation, subject_type, subject_id, subject_relation, NULL
FROM ringward.tuples WHERE tenant = $1 AND created = ANY ($2::xid8[])
UNION ALL
SELECT expired, {_WENT_ATTRIBUTE}, id, entity_type, entity_id, name, value, NULL, NULL, kind
FROM ringward.attributes WHERE tenant = $1 AND expired = ANY ($2::xid8[]) AND expired < '{LIVE}'
UNION ALL
SELECT created, {_CAME_ATTRIBUTE}, id, entity_type, entity_id, name, value, NULL, NULL, kind
FROM ringward.attributes WHERE tenant = $1 AND created = ANY ($2::xid8[])
ORDER BY number, sort, id
"""  # noqa: S608 - names are constants
_ROWS_PER_PART = 500  # what the event loop decodes in about a millisecond
_FETCH = f"FETCH {_ROWS_PER_PART} FROM changes"
_ENOUGH_ROWS = 20_000  # a reading ends with the commit that reaches so many


class ChangeReader:
    """Reads commits of a tenant with their changes, from the server that takes writes, and waits for more."""

    def __init__(self, writer: Pool, arrivals: Arrivals) -> None:
        self._writer = writer
        self._arrivals = arrivals

    async def commits_since(self, tenant: str, since: Snapshot, most: int) -> list[Commit]:
        """See ChangeFeed. Within a commit tuples that went come before those that came, each in order of writing.

        So do attributes, but a value that was replaced goes right before its successor comes. A tuple deleted and
        written again by one commit goes and comes. Raises what ``ensure_readable`` and ``Pool.transaction`` raise, and
        SnapshotExpired for a snapshot from before the tenant was deleted.
        """
        async with self._writer.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            (row,) = await connection.fetch(_AHEAD, tenant, wire_of(since), most)
            ahead = _ahead_of(tenant, since, row)
            return await _told(connection, tenant, since, ahead) if ahead.numbers else []

    async def wait_for_commit(self, tenant: str, since: Snapshot) -> None:
        """See ChangeFeed. Raises as ``commits_since`` when it is called, and Unavailable once the store is closed."""
        await self._arrivals.wait(tenant, since, partial(self._has_commit_since, tenant, since))

    async def _has_commit_since(self, tenant: str, since: Snapshot) -> bool:
        (row,) = await self._writer.fetch(_AHEAD, tenant, wire_of(since), 1)
        return bool(_ahead_of(tenant, since, row).numbers)


class _Ahead(NamedTuple):
    """What lies after a snapshot: the ids of the tenant's next transactions, and the view they were found in."""

    view: Snapshot
    numbers: Sequence[int]


def _ahead_of(tenant: str, since: Snapshot, row: asyncpg.Record) -> _Ahead:
    """Read a row of _AHEAD. Raises if anything that happened after the snapshot may have been removed by then."""
    if row["deletion"] is not None:
        raise SnapshotExpired(
            f"the snap token for transaction {since.xmax - 1} is too old: tenant {tenant!r} was deleted in transaction"
            f" {row['deletion']}, and its history with it"
        )
    view = snapshot_of(row["view"])
    ensure_readable(since, view=view, horizon=snapshot_of(row["horizon"]))
    return _Ahead(view, row["numbers"])


async def _told(connection: asyncpg.Connection, tenant: str, since: Snapshot, ahead: _Ahead) -> list[Commit]:
    """The commits ahead with their changes; not all of them, but one at least, if they are very large."""
    await connection.execute(_CHANGES, tenant, ahead.numbers)
    changes = {number: CommitChanges() for number in ahead.numbers}
    first, rows, behind = ahead.numbers[0], 0, LIVE
    while part := await connection.fetch(_FETCH):
        for number, sort, _, *columns in part:
            changes[number].add(*_change(sort, columns))
        rows += len(part)
        last = part[-1]["number"]
        if rows >= _ENOUGH_ROWS and last > first:
            behind = last  # it may have more rows, those below it have not
            break
    commits: list[Commit] = []
    for number in ahead.numbers:
        if number < behind:
            since = _with_all_up_to(number, since, ahead.view)
            commits.append(Commit(since, changes[number].in_order()))
    return commits


def _with_all_up_to(number: int, since: Snapshot, view: Snapshot) -> Snapshot:
    """The snapshot that sees what another sees, and of what a newer view sees, all up to an id it sees."""
    xmax = max(since.xmax, number + 1)
    unseen = (xid for xid in since.in_progress if xid > number or not view.sees(xid))
    in_progress = frozenset(unseen).union(xid for xid in view.in_progress if since.xmax <= xid < xmax)
    return Snapshot(min(in_progress, default=xmax), xmax, in_progress)


def _change(sort: int, columns: Sequence[Any]) -> tuple[Operation, RelationTuple | Attribute]:
    """What a row of _CHANGES tells; the driver types its columns as Any."""
    operation = Operation.DELETE if sort in (_WENT_TUPLE, _WENT_ATTRIBUTE) else Operation.CREATE
    *names, kind = columns
    if sort in (_WENT_TUPLE, _CAME_TUPLE):
        return operation, RelationTuple(*names)
    return operation, attribute_of((*names[:3], kind, names[3]))
