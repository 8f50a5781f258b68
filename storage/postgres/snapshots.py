"""Snapshots as PostgreSQL takes and gives them, and the SQL that reads at one."""

from __future__ import annotations

from model.errors import ErrorCode, InvalidRequest, SnapshotExpired, Unavailable
from model.snapshot import Snapshot

Wire = tuple[int, int, tuple[int, ...]]
"""A ``pg_snapshot`` as the driver takes and gives it: xmin, xmax, ids in progress in ascending order."""

LIVE = 9223372036854775807
"""The ``expired`` of a row nobody has expired: no snapshot sees a transaction of that number."""


def wire_of(snapshot: Snapshot) -> Wire:
    """A snapshot as a ``pg_snapshot`` argument. Raises InvalidRequest for one PostgreSQL cannot have given."""
    xmin, xmax, in_progress = snapshot
    if not 0 < xmin <= xmax < LIVE:
        raise InvalidRequest(f"the snap token for {snapshot} was given by another kind of database")
    return xmin, xmax, tuple(sorted(in_progress))


def is_possible(snapshot: Snapshot) -> bool:
    """True if PostgreSQL takes the snapshot as one: bounds whose lower 32 bits are zero it takes for none."""
    xmin, xmax, in_progress = snapshot
    is_ordered = 0 < xmin <= xmax < LIVE and all(xmin <= xid < xmax for xid in in_progress)
    return is_ordered and xmin % 2**32 > 0 and xmax % 2**32 > 0


def text_of(snapshot: Snapshot) -> str:
    """A possible snapshot as text that casts to ``pg_snapshot``; arrays of those the driver does not know by itself."""
    xmin, xmax, in_progress = snapshot
    return f"{xmin}:{xmax}:{','.join(map(str, sorted(in_progress)))}"


def snapshot_of(wire: Wire) -> Snapshot:
    """The snapshot a ``pg_snapshot`` column carries."""
    xmin, xmax, in_progress = wire
    return Snapshot(xmin, xmax, frozenset(in_progress))


def snapshot_with(taken: Snapshot, own: int) -> Snapshot:
    """The snapshot that sees a transaction, given the one it took itself, and all its own saw.

    Ids between the two were not known to have committed when it was taken, so they count as in progress.
    """
    started_since = range(taken.xmax, own)
    return Snapshot(taken.xmin, max(taken.xmax, own + 1), taken.in_progress.difference((own,)).union(started_since))


def trimmed(snapshot: Snapshot, newest: int) -> Snapshot:
    """The snapshot cut off behind the newest transaction of the store that it sees; 0 if it sees none.

    It sees the same of the store. But it stays the same while ids are spent on what the store does not hold: bundles,
    collections, vacuum, other tables of the database.
    """
    in_progress = frozenset(xid for xid in snapshot.in_progress if xid < newest)
    return Snapshot(min(in_progress, default=newest + 1), newest + 1, in_progress)


def newest_seen(snapshot: Snapshot) -> int:
    """The largest id a snapshot sees: who has finished all up to it covers the snapshot."""
    newest = snapshot.xmax - 1
    while newest in snapshot.in_progress:
        newest -= 1
    return newest


def visible(at: str, row: str = "") -> str:
    """SQL: true for the rows of a table that the snapshot sees. row: the table's alias with its dot, if any."""
    return f"pg_visible_in_snapshot({row}created, {at}) AND NOT pg_visible_in_snapshot({row}expired, {at})"


def ensure_readable(snapshot: Snapshot, *, view: Snapshot, horizon: Snapshot) -> None:
    """Raise unless a reading that saw a view and a horizon gave all there was to see at a snapshot.

    Raises InvalidRequest for a snapshot given by another database, Unavailable for one that sees what still runs, which
    none given here does, SnapshotExpired for one behind the horizon.
    """
    if snapshot.xmax > view.xmax:
        raise InvalidRequest(
            f"the snap token for transaction {snapshot.xmax - 1} was given by another database: the newest transaction"
            f" here is {view.xmax - 1}"
        )
    if not view.covers(snapshot):
        raise Unavailable(f"the snap token for {snapshot} sees a transaction that still runs", ErrorCode.EXECUTION)
    if not snapshot.covers(horizon):
        raise SnapshotExpired(
            f"the snap token for transaction {snapshot.xmax - 1} is too old: history before transaction {horizon.xmax}"
            " has been collected"
        )
