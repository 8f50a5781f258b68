"""Garbage collection: the horizon moves first, in a transaction of its own; then what it leaves behind is removed.

Each pass notes what the database shows, and when. The horizon moves to the newest such moment that is older than the
window. Whoever was given a snapshot after that moment sees all the moment saw, so no snapshot is refused before it is
as old as the window. That a transaction was begun before the window would not do: it may have committed within it, and
the snapshots given meanwhile do not see it. The price is that the first pass after a long pause only takes note.

Moments are compared by their numbers, not by the clock: one with a younger one before it is as young as that, so a
clock that was set back keeps the horizon where it is for as long.

A reading that finds the old horizon began before the new one was committed, and rows are removed after that; so it
still finds them. One runner in the cluster collects at a time, by a lock that lasts as long as each transaction.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import NamedTuple

import asyncpg

from model.snapshot import Snapshot
from storage.base import CollectionReport
from storage.postgres.snapshots import LIVE, snapshot_of, trimmed, wire_of
from storage.postgres.writer import Writer

_ROWS_PER_STEP = 1000  # of each table; about 20 ms of the server

_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(x'72776764'::int, 1)"  # two numbers: apart from the locks of writers

_LOOK = """
SELECT pg_current_snapshot() AS view, (SELECT snapshot FROM ringward.horizon) AS horizon,
    (SELECT id FROM ringward.transactions ORDER BY id DESC LIMIT 1) AS newest,
    (SELECT snapshot FROM ringward.moments ORDER BY number DESC LIMIT 1) AS noted
"""
_NOTE = "INSERT INTO ringward.moments (snapshot) VALUES ($1)"
_NEWEST_OLD_MOMENT = """
SELECT number, snapshot FROM ringward.moments
WHERE number < ALL (SELECT number FROM ringward.moments WHERE seen_at > clock_timestamp() - $1::interval)
ORDER BY number DESC LIMIT 1
"""
_FORGET_MOMENTS = "DELETE FROM ringward.moments WHERE number < $1"
_MOVE = "UPDATE ringward.horizon SET snapshot = $1"
_FORGET_DELETIONS = "DELETE FROM ringward.deletions_of_tenants WHERE pg_visible_in_snapshot(id, $1::pg_snapshot)"

_REMOVE_ROWS = """
DELETE FROM ringward.{table} USING (
    SELECT tenant, id FROM ringward.{table}
    WHERE {ended} < pg_snapshot_xmax($1::pg_snapshot) AND pg_visible_in_snapshot({ended}, $1::pg_snapshot){condition}
    ORDER BY {ended} LIMIT $2
) AS gone WHERE {table}.tenant = gone.tenant AND {table}.id = gone.id
"""
_REMOVE_TUPLES, _REMOVE_ATTRIBUTES = (
    _REMOVE_ROWS.format(table=table, ended="expired", condition=f" AND expired < '{LIVE}'")  # so the index serves
    for table in ("tuples", "attributes")
)
# The newest stays on record, since heads are cut off behind the newest there is.
_REMOVE_TRANSACTIONS = _REMOVE_ROWS.format(table="transactions", ended="id", condition=" AND id < $3")


class Collector:
    """Collects the garbage of one database, through a writer. rows_per_step: removed of each table at a time."""

    def __init__(self, writer: Writer, *, rows_per_step: int = _ROWS_PER_STEP) -> None:
        self._writer = writer
        self._rows_per_step = rows_per_step

    async def collect(self, window_s: float) -> CollectionReport:
        """See Storage. While another node collects it does nothing; cancelled or failed half way it leaves expired
        rows for the next pass. Raises as ``Writer.run``.
        """
        horizon = await self._writer.run(partial(_move_horizon, window_s=window_s))
        tuples = attributes = 0
        while True:
            removed = await self._writer.run(partial(_remove, horizon=horizon, limit=self._rows_per_step))
            tuples += removed.tuples
            attributes += removed.attributes
            if max(removed) < self._rows_per_step:
                return CollectionReport(horizon, tuples, attributes)


class _Removed(NamedTuple):
    """How many rows of each table a step removed."""

    tuples: int
    attributes: int
    transactions: int


_NOTHING = _Removed(0, 0, 0)


async def _move_horizon(connection: asyncpg.Connection, *, window_s: float) -> Snapshot:
    """Note the moment, and move the horizon to the newest one older than the window, never back; where it stands."""
    is_ours = await connection.fetchval(_TRY_LOCK)
    (now,) = await connection.fetch(_LOOK)
    horizon = snapshot_of(now["horizon"])
    if not is_ours:
        return horizon
    moment = trimmed(snapshot_of(now["view"]), now["newest"] or 0)
    if now["noted"] is None or snapshot_of(now["noted"]) != moment:  # an idle database is left in peace
        await connection.execute(_NOTE, wire_of(moment))
    for number, wire in await connection.fetch(_NEWEST_OLD_MOMENT, timedelta(seconds=window_s)):
        await connection.execute(_FORGET_MOMENTS, number)
        moved = snapshot_of(wire)
        if moved != horizon and moved.covers(horizon):
            await connection.execute(_MOVE, wire)
            return moved
    return horizon


async def _remove(connection: asyncpg.Connection, *, horizon: Snapshot, limit: int) -> _Removed:
    """Remove some of what no snapshot from the horizon on can see. The horizon must be durable."""
    if not await connection.fetchval(_TRY_LOCK):
        return _NOTHING
    wire = wire_of(horizon)
    await connection.execute(_FORGET_DELETIONS, wire)
    return _Removed(
        tuples=_count(await connection.execute(_REMOVE_TUPLES, wire, limit)),
        attributes=_count(await connection.execute(_REMOVE_ATTRIBUTES, wire, limit)),
        transactions=_count(await connection.execute(_REMOVE_TRANSACTIONS, wire, limit, horizon.xmax - 1)),
    )


def _count(status: str) -> int:
    """How many rows a statement removed, by what the server answered: ``DELETE 5``."""
    return int(status.rpartition(" ")[2])
