"""The change feed: the commits of a tenant with what each changed, read from the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Commit, Operation
from storage.commit_changes import CommitChanges
from storage.sqlite.commit_rows import CommitReader, rows_of
from storage.sqlite.filters import ATTRIBUTES, TUPLES
from storage.sqlite.reader import Execute, Reader
from storage.sqlite.timeline import Timeline
from storage.sqlite.turns import run_in_turns
from storage.values import attribute_of


class ChangeReader:
    """Reads commits of a tenant with their changes."""

    def __init__(self, reader: Reader, timeline: Timeline) -> None:
        self._reader = reader
        self._timeline = timeline
        self._commits = CommitReader(reader, timeline)

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
                changes = CommitChanges()
                yield from _steps(execute, number, changes)
                found.append(Commit(Snapshot.at_commit(number), changes.in_order()))

        if numbers:
            await run_in_turns(self._reader, self._timeline, first, steps_of)
            self._commits.ensure_whole(tenant, first)
        return found

    def _numbers(self, tenant: str, first: int, most: int) -> list[int]:
        return self._commits.numbers_between(tenant, first, self._timeline.head, most)


_TUPLES = rows_of(TUPLES, TUPLES.columns, RelationTuple._make)
_ATTRIBUTES = rows_of(ATTRIBUTES, ATTRIBUTES.columns, attribute_of)


def _steps(execute: Execute, number: int, changes: CommitChanges) -> Iterator[int]:
    """Add what a commit changed; after each statement, what it cost in rows."""
    for operation in (Operation.DELETE, Operation.CREATE):
        yield from _TUPLES.steps(execute, operation, number, partial(changes.add, operation))
    for operation in (Operation.DELETE, Operation.CREATE):
        yield from _ATTRIBUTES.steps(execute, operation, number, partial(changes.add, operation))
