"""The head: one live snapshot, shared by everybody who was already waiting when its reading began.

At most one read runs. Who arrives while it runs must not have its result, since a write may have been acknowledged
between the two; so all who arrive meanwhile gather, and the next read serves them together, whatever their tenants.
That is what questions asked jointly do, one statement at a time (``joint.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from model.errors import ErrorCode, InvalidRequest, Unavailable
from storage.base import Head
from storage.postgres.joint import JointQuestions
from storage.postgres.pools import Pool
from storage.postgres.snapshots import snapshot_of, trimmed

_STATEMENT = """
SELECT
    wanted.tenant,
    pg_current_snapshot() AS snapshot,
    pg_is_in_recovery() AS is_standby,
    (SELECT id FROM ringward.transactions ORDER BY id DESC LIMIT 1) AS newest,
    (SELECT version FROM ringward.schemas s WHERE s.tenant = wanted.tenant ORDER BY sequence DESC LIMIT 1) AS version
FROM unnest($1::text[]) AS wanted (tenant)
"""

_MOST_TENANTS = 10_000  # in one read; each is two descents into an index


class Heads:
    """Reads heads from the server that takes writes: only there is what was acknowledged sure to be seen."""

    def __init__(self, writer: Pool) -> None:
        self._writer = writer
        self._joint = JointQuestions(self._read, at_once=1, most=_MOST_TENANTS)

    async def head(self, tenant: str) -> Head:
        """The newest state of a tenant, by a read that began after the call. Raises as ``Pool.fetch``.

        Raises Unavailable too if the server turns out to be a standby, whose snapshots are not exact.
        """
        answers = await self._joint.ask([_searchable(tenant)])
        assert answers is not None, "heads are never too much at once"
        return answers[0]

    def __repr__(self) -> str:
        joint = self._joint
        return f"Heads({joint.waiting} waiting, {'idle' if joint.is_idle else 'reading'})"

    async def _read(self, tenants: Sequence[str]) -> Sequence[Head]:
        rows = await self._writer.fetch(_STATEMENT, sorted({*tenants}))
        if rows[0]["is_standby"]:
            raise Unavailable("the database that should take writes is a standby now", ErrorCode.EXECUTION)
        snapshot = trimmed(snapshot_of(rows[0]["snapshot"]), rows[0]["newest"] or 0)
        versions = {row["tenant"]: row["version"] or "" for row in rows}
        return [Head(snapshot, versions[tenant]) for tenant in tenants]


def _searchable(tenant: str) -> str:
    """A name the database can be asked for, else it would fail everybody who asks in the same round."""
    try:
        tenant.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{tenant[:200]!r} is not valid Unicode text", ErrorCode.VALIDATION) from error
    return "" if "\0" in tenant else tenant  # nothing is stored under either
