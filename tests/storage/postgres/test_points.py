"""Reads of entities by several callers at once."""

from __future__ import annotations

import asyncio

from model.tuples import RelationTuple, SubjectRef
from storage.base import Changeset, EntityRead, Facts, Wanted
from storage.postgres.store import PostgresStorage

_VIEWER = Wanted(memberships=("viewer",), subjects=("viewer",))


async def test_a_wide_answer_does_not_spoil_those_it_is_asked_together_with(store: PostgresStorage) -> None:
    rows = [RelationTuple("doc", "wide", "viewer", "user", f"{n:05}") for n in range(5000)]
    rows += [RelationTuple("doc", f"d{n}", "viewer", "user", str(n)) for n in range(20)]
    snapshot = await store.write("t1", [Changeset(rows)])

    async def read(entity_id: str, user: str) -> Facts:
        (facts,) = await store.read("t1", snapshot, [EntityRead("doc", entity_id, SubjectRef("user", user), _VIEWER)])
        return facts

    async with asyncio.TaskGroup() as group:
        narrow = [group.create_task(read(f"d{n}", str(n))) for n in range(20)]
        wide = group.create_task(read("wide", "00007"))
    for number, task in enumerate(narrow):
        assert task.result() == Facts({"viewer"}, {}, {"viewer": [SubjectRef("user", str(number))]}, {})
    assert wide.result().memberships == {"viewer"}
    assert wide.result().subjects["viewer"] == [row.subject for row in rows[:5000]]


async def test_text_that_cannot_be_stored_is_not_there_and_spoils_nothing(store: PostgresStorage) -> None:
    snapshot = await store.write("t1", [Changeset([RelationTuple("doc", "1", "viewer", "user", "1")])])
    reads = [
        EntityRead("doc", "1\0", SubjectRef("user", "1"), _VIEWER),
        EntityRead("doc", "1", SubjectRef("user", "\ud800"), _VIEWER),
        EntityRead("doc", "1", SubjectRef("user", "1"), _VIEWER),
    ]
    facts = await store.read("t1", snapshot, reads)
    assert [one.memberships for one in facts] == [set(), set(), {"viewer"}]
