"""What commits touched, by names alone: commits form one sequence, so news are what lies between two numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model.attributes import EntityAttribute
from model.errors import InvalidRequest, SnapshotExpired
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Operation, Touch
from storage.sqlite.commit_rows import CommitReader, rows_of
from storage.sqlite.filters import ATTRIBUTES, TUPLES
from storage.sqlite.reader import Execute, Reader
from storage.sqlite.timeline import Timeline
from storage.sqlite.turns import run_in_turns

MOST_COMMITS = 1000
"""So many commits are told of at once; more are too much."""
MOST_ITEMS = 20_000
"""So many items are told of at once, of all commits together; more are too much."""

_TUPLES = rows_of(TUPLES, TUPLES.columns, RelationTuple._make)
_ATTRIBUTES = rows_of(ATTRIBUTES, EntityAttribute._fields, EntityAttribute._make)


class NewsReader:
    """Reads what was touched between two commits."""

    def __init__(self, reader: Reader, timeline: Timeline) -> None:
        self._reader = reader
        self._timeline = timeline
        self._commits = CommitReader(reader, timeline)

    async def touches(self, tenant: str, since: Snapshot | None, head: Snapshot) -> Sequence[Touch] | None:
        """See News, for a head that has been published. Raises what ``Reader`` raises."""
        if since == head:
            return ()
        if since is None:
            return None
        try:
            return await self._touches(tenant, self._timeline.number_of(since), self._timeline.number_of(head))
        except (SnapshotExpired, InvalidRequest):
            return None

    async def _touches(self, tenant: str, first: int, last: int) -> Sequence[Touch] | None:
        numbers = self._commits.numbers_between(tenant, first, last, MOST_COMMITS + 1)
        if not numbers or len(numbers) > MOST_COMMITS:
            return None if numbers else ()
        found: list[Touch] = []

        def steps_of(execute: Execute) -> Iterator[int]:
            left = MOST_ITEMS
            for number in numbers:
                items: dict[RelationTuple | EntityAttribute, None] = {}
                for cost in _steps(execute, number, items):
                    yield cost
                    if len(items) > left:
                        return
                left -= len(items)
                found.append(Touch(number, tuple(items)))

        await run_in_turns(self._reader, self._timeline, first, steps_of)
        self._commits.ensure_whole(tenant, first)
        return found if len(found) == len(numbers) else None


def _steps(execute: Execute, number: int, items: dict[RelationTuple | EntityAttribute, None]) -> Iterator[int]:
    """Add what a commit touched; after each statement, what it cost in rows."""
    for operation in Operation:
        yield from _TUPLES.steps(execute, operation, number, items.setdefault)
        yield from _ATTRIBUTES.steps(execute, operation, number, items.setdefault)
