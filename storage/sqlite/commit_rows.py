"""What commits of a tenant are found by afterwards: each row knows the commit that created and the one that expired it.

Commits after a snapshot that is still answered have all their rows: a row is removed only once the horizon has reached
the commit that expired it, and then no snapshot before that commit is answered any more. The exception is a tenant that
was deleted, whose rows go at once. Its changes before the deletion cannot be told, and rather than leave them out
whoever asks for them is refused, as if they were behind the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from model.errors import SnapshotExpired
from storage.base import Operation
from storage.sqlite.filters import Table
from storage.sqlite.layout import LIVE, ROWS_PER_COMMIT
from storage.sqlite.reader import Execute, Reader, Row
from storage.sqlite.timeline import Timeline
from storage.sqlite.turns import STATEMENT_COST

Item = TypeVar("Item")

_COMMITS_BETWEEN = """
SELECT number FROM commits INDEXED BY commits_by_tenant WHERE tenant = ? AND number > ? AND number <= ?
ORDER BY number LIMIT ?
"""
_DELETION = "SELECT number FROM deletions_of_tenants INDEXED BY deletions_by_tenant WHERE tenant = ? AND number > ?"

_ROWS_PER_PART = 500


class CommitReader:
    """Finds the commits of a tenant, and knows whether they still have all their rows."""

    def __init__(self, reader: Reader, timeline: Timeline) -> None:
        self._reader = reader
        self._timeline = timeline

    def numbers_between(self, tenant: str, first: int, last: int, most: int) -> list[int]:
        """The tenant's next commits after one, up to another, at most so many. Raises as ``ensure_whole``.

        last: the published head at most. A commit beyond it may be in the file, but nobody may know it yet.
        """
        rows = self._reader.rows(_COMMITS_BETWEEN, (tenant, first, last, most))
        self.ensure_whole(tenant, first)
        return [number for (number,) in rows]

    def ensure_whole(self, tenant: str, first: int) -> None:
        """Raise SnapshotExpired if anything that happened after a commit may have been removed by now.

        To be asked after the rows were read.
        """
        for (number,) in self._reader.rows(_DELETION, (tenant, first)):
            raise SnapshotExpired(
                f"the snap token for commit {first} is too old: tenant {tenant!r} was deleted in commit {number}, and"
                " its history with it"
            )
        self._timeline.ensure_readable(first)  # last, since a deletion is forgotten once the horizon has passed it


@dataclass(frozen=True, slots=True)
class CommitRows(Generic[Item]):
    """How the rows of a table that one commit created or expired are read, and what each becomes."""

    created: str
    expired: str
    make: Callable[[Row], Item]

    def steps(
        self, execute: Execute, operation: Operation, number: int, add: Callable[[Item], object]
    ) -> Iterator[int]:
        """Add the items in order of writing; after each statement, what it cost in rows."""
        statement = self.created if operation is Operation.CREATE else self.expired
        last = number * ROWS_PER_COMMIT - 1 if operation is Operation.CREATE else -1
        while True:
            rows = execute(statement, (number, last, _ROWS_PER_PART)).fetchall()
            for row in rows:
                add(self.make(row[1:]))
            yield STATEMENT_COST + len(rows)
            if len(rows) < _ROWS_PER_PART:
                return
            last = rows[-1][0]


def rows_of(table: Table, columns: Sequence[str], make: Callable[[Row], Item]) -> CommitRows[Item]:
    """The rows of a table, of which some columns are read."""
    # ?1 the commit, ?2 the id to go on beyond, ?3 how many. A commit's rows are all of its tenant.
    selected = f"SELECT id, {', '.join(columns)} FROM {table.name}"  # noqa: S608 - names are constants
    return CommitRows(
        f"{selected} WHERE id > ?2 AND id < (?1 + 1) * {ROWS_PER_COMMIT} ORDER BY id LIMIT ?3",
        f"{selected} INDEXED BY {table.name}_by_expiry"
        f" WHERE expired = ?1 AND expired < {LIVE} AND id > ?2 ORDER BY id LIMIT ?3",
        make,
    )
