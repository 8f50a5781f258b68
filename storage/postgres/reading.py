"""Statements that read data at a snapshot, each with the proof that what it gave is complete and final.

A statement's own view of the database is taken when it begins, and the proof comes with its rows. It carries two
snapshots: the *horizon*, which must be covered by the one asked for, else rows it sees may have been removed; and the
*view* of the statement itself, which must cover the one asked for, else transactions it sees may not be there yet.

A standby does not know which of the transactions it replays are in progress: its view lists none, so only what is
below its xmin counts as seen. Where that is not enough the statement does none of its work, and the writer is asked.
On the writer a snapshot that is not covered was given by another database, or sees a transaction that still runs,
which no snapshot given here does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import asyncpg
import structlog

from model.errors import StorageFailed, Unavailable
from model.snapshot import Snapshot
from storage.postgres.pools import Pool, Pools
from storage.postgres.snapshots import ensure_readable, newest_seen, snapshot_of, wire_of

log = structlog.get_logger(__name__)

# The proof is the first row, in which all columns of the statement are null: the join finds nothing, as the planner
# knows. It costs about 20 µs, and nothing per row.
_PROVEN = """
WITH answer AS MATERIALIZED ({statement}),
proof AS MATERIALIZED (
    SELECT pg_current_snapshot() AS view, pg_is_in_recovery() AS is_standby, snapshot AS horizon FROM ringward.horizon
)
SELECT answer.*, proof.view AS view_, proof.is_standby AS is_standby_, proof.horizon AS horizon_
FROM proof LEFT JOIN answer ON false
UNION ALL
SELECT answer.*, NULL, NULL, NULL FROM answer
WHERE (SELECT NOT is_standby OR pg_snapshot_xmin(view) > {newest}::xid8 FROM proof)
"""
_REST_S = 5.0
_BEFORE_ALL = Snapshot(1, 1)

NO_ROWS = "SELECT 1 AS nothing WHERE {at} IS NULL"
"""A statement that is run for its proof alone."""


class SnapshotReads:
    """Runs statements at snapshots, on the reader where it is recent enough, else on the writer.

    A reader that fails is left alone for some seconds, then one statement tries it again. answered, behind, failed: how
    many statements were tried on the replica, by what came of them.
    """

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._has_replica = pools.reader is not pools.writer
        self.answered = self.behind = self.failed = 0
        self._ask_again_at = 0.0  # the loop's time; until then the replica rests

    async def fetch(self, snapshot: Snapshot, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """The rows of a statement at a snapshot.

        ``{at}`` in the statement stands for the snapshot; its arguments begin at $2, and those it does not use must not
        be given. Its columns need names, and other columns come behind them in each row. Raises SnapshotExpired for a
        snapshot behind the horizon, InvalidRequest for one given by another database, and as ``Pool.fetch``.
        """
        question = _Question(snapshot, statement, arguments)
        if self._has_replica:
            rows = await self._ask_replica(question)
            if rows is not None:
                return rows
        answer = await _ask(self._pools.writer, question)
        ensure_readable(snapshot, view=answer.view, horizon=answer.horizon)
        return answer.rows

    async def view_of_replica(self) -> Snapshot | None:
        """What the replica shows now; None if there is no replica, or it rests. Raises as ``Pool.fetch``."""
        if not self._has_replica or asyncio.get_running_loop().time() < self._ask_again_at:
            return None
        return (await _ask(self._pools.reader, _Question(_BEFORE_ALL, NO_ROWS, ()))).view

    async def _ask_replica(self, question: _Question) -> Sequence[asyncpg.Record] | None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._ask_again_at:
            return None
        is_trial = self._ask_again_at > 0
        if is_trial:
            self._ask_again_at = now_s + _REST_S  # the others wait for how this one fares
        try:
            answer = await _ask(self._pools.reader, question)
        except (Unavailable, StorageFailed) as error:
            if not is_trial:
                log.warning("the replica fails, the writer answers", reason=str(error))
            self._ask_again_at = asyncio.get_running_loop().time() + _REST_S
            self.failed += 1
            return None
        self._ask_again_at = 0.0
        if not answer.view.covers(question.snapshot):
            self.behind += 1
            return None
        self.answered += 1
        ensure_readable(question.snapshot, view=answer.view, horizon=answer.horizon)
        return answer.rows


class _Question(NamedTuple):
    snapshot: Snapshot
    statement: str
    arguments: tuple[object, ...]


class _Answer(NamedTuple):
    """What a statement gave; the rows are complete if view and horizon prove it."""

    view: Snapshot
    horizon: Snapshot
    rows: Sequence[asyncpg.Record]


async def _ask(pool: Pool, question: _Question) -> _Answer:
    arguments = question.arguments
    text = _proven(question.statement, 2 + len(arguments))
    proof, *rows = await pool.fetch(text, wire_of(question.snapshot), *arguments, newest_seen(question.snapshot))
    view = snapshot_of(proof["view_"])
    if proof["is_standby_"]:
        view = Snapshot(view.xmin, view.xmin)
    return _Answer(view, snapshot_of(proof["horizon_"]), rows)


@lru_cache(maxsize=1024)
def _proven(statement: str, newest: int) -> str:
    whole = _PROVEN.replace("{newest}", f"${newest}").replace("{statement}", statement)
    return whole.replace("{at}", "$1::pg_snapshot")
