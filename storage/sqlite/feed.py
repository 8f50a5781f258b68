"""The change feed, read from the rows themselves: each knows the commit that created and the one that expired it.

Commits after a snapshot that is still answered have all their rows: a row is removed only once the horizon has reached
the commit that expired it, and then no snapshot before that commit is answered any more. The exception is a tenant that
was deleted, whose rows go at once. Its changes before the deletion cannot be told, and rather than leave them out the
feed refuses every snapshot from before, as if it were behind the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from model.attributes import Attribute, EntityAttribute
from model.errors import SnapshotExpired
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Change, Commit, Operation
from storage.sqlite.filters import ATTRIBUTES, TUPLES, Table
from storage.sqlite.layout import LIVE, ROWS_PER_COMMIT
from storage.sqlite.reader import Execute, Reader, Row
from storage.sqlite.timeline import Timeline
from storage.sqlite.turns import STATEMENT_COST, run_in_turns
from storage.values import attribute_of

Item = TypeVar("Item", RelationTuple, Attribute)

_NEXT_COMMITS = """
SELECT number FROM commits INDEXED BY commits_by_tenant WHERE tenant = ? AND number > ? AND number <= ?
ORDER BY number LIMIT ?
"""
_DELETION = "SELECT number FROM deletions_of_tenants INDEXED BY deletions_by_tenant WHERE tenant = ? AND number > ?"

_ROWS_PER_PART = 500


class ChangeReader:
    """Reads commits of a tenant with their changes."""

    def __init__(self, reader: Reader, timeline: Timeline) -> None:
        self._reader = reader
        self._timeline = timeline

    def has_commit_since(self, tenant: str, since: Snapshot) -> bool:
        """True if there is something to read. Raises as ``commits_since``."""
        return bool(self._numbers(tenant, self._timeline.number_of(since), 1))

    async def commits_since(self, tenant: str, since: Snapshot, most: int) -> list[Commit]:
        """See ChangeFeed. Within a commit tuples that went come before those that came, each in order of writing.

        So do attributes, but a value that was replaced goes right before its successor comes. A tuple deleted and
        written again by one commit goes and comes. Raises what ``Timeline.number_of`` and ``Reader`` raise, and
        SnapshotExpired for a snapshot from before the tenant was deleted.
        """
        first = self._timeline.number_of(since)
        numbers = self._numbers(tenant, first, most)
        found: list[Commit] = []

        def steps_of(execute: Execute) -> Iterator[int]:
            for number in numbers:
                changes: list[Change] = []
                yield from _steps(execute, number, changes)
                found.append(Commit(Snapshot.at_commit(number), changes))

        if numbers:
            await run_in_turns(self._reader, self._timeline, first, steps_of)
            self._ensure_told_whole(tenant, first)
        return found

    def _numbers(self, tenant: str, first: int, most: int) -> list[int]:
        # a commit beyond the published head may be in the file already, but its snapshot could not be gone on from
        rows = self._reader.rows(_NEXT_COMMITS, (tenant, first, self._timeline.head, most))
        self._ensure_told_whole(tenant, first)
        return [number for (number,) in rows]

    def _ensure_told_whole(self, tenant: str, first: int) -> None:
        """Raise SnapshotExpired if anything that happened after a commit may have been removed by now."""
        for (number,) in self._reader.rows(_DELETION, (tenant, first)):
            raise SnapshotExpired(
                f"the snap token for commit {first} is too old: tenant {tenant!r} was deleted in commit {number}, and"
                " its history with it"
            )
        self._timeline.ensure_readable(first)  # last, since a deletion is forgotten once the horizon has passed it


@dataclass(frozen=True, slots=True)
class _Rows(Generic[Item]):
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


def _rows_of(table: Table, make: Callable[[Row], Item]) -> _Rows[Item]:
    """Statements over ?1 the commit, ?2 the id to go on beyond, ?3 how many. A commit's rows are all of its tenant."""
    columns = f"SELECT id, {', '.join(table.columns)} FROM {table.name}"  # noqa: S608 - names are constants
    return _Rows(
        f"{columns} WHERE id > ?2 AND id < (?1 + 1) * {ROWS_PER_COMMIT} ORDER BY id LIMIT ?3",
        f"{columns} INDEXED BY {table.name}_by_expiry"
        f" WHERE expired = ?1 AND expired < {LIVE} AND id > ?2 ORDER BY id LIMIT ?3",
        make,
    )


_TUPLES = _rows_of(TUPLES, RelationTuple._make)
_ATTRIBUTES = _rows_of(ATTRIBUTES, attribute_of)


def _steps(execute: Execute, number: int, changes: list[Change]) -> Iterator[int]:
    """Add what a commit changed; after each statement, what it cost in rows."""
    gone: dict[EntityAttribute, Change] = {}  # a commit expires one value of an attribute at most
    came: list[Change] = []

    def note_gone(attribute: Attribute) -> None:
        gone[attribute.key] = Change(Operation.DELETE, attribute)

    def note_came(attribute: Attribute) -> None:
        replaced = gone.pop(attribute.key, None)
        came.extend((replaced,) if replaced else ())
        came.append(Change(Operation.CREATE, attribute))

    went, comes = Operation.DELETE, Operation.CREATE
    yield from _TUPLES.steps(execute, went, number, lambda row: changes.append(Change(went, row)))
    yield from _TUPLES.steps(execute, comes, number, lambda row: changes.append(Change(comes, row)))
    yield from _ATTRIBUTES.steps(execute, went, number, note_gone)
    yield from _ATTRIBUTES.steps(execute, comes, number, note_came)
    changes += gone.values()
    changes += came
