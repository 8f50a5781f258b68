"""After a burst of concurrent writers, all acknowledged, the head shows every grant and no revoked one.

A head taken from the newest transaction's own snapshot fails here: it may have begun before others that were
acknowledged.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

from model.tuples import SubjectRef
from storage.base import Changeset, EntityRead, Wanted
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import tuples

_ROUNDS = 150
_VIEWERS = Wanted(memberships=("viewer",))


async def test_after_every_burst_the_head_of_every_node_is_exact(database: str) -> None:
    chance = random.Random(7)
    async with AsyncExitStack() as stack:
        nodes = [await PostgresStorage.open(PostgresSettings(database)) for _ in range(2)]
        for node in nodes:
            stack.push_async_callback(node.close)
        granted: set[str] = set()
        for round_ in range(_ROUNDS):
            grants = {f"u{round_}-{n}" for n in range(4)}
            revokes = set(chance.sample(sorted(granted), min(3, len(granted))))
            async with asyncio.TaskGroup() as group:
                for user in grants:
                    group.create_task(
                        chance.choice(nodes).write("t1", [Changeset(tuples(f"doc:1#viewer@user:{user}"))])
                    )
                for user in revokes:
                    changes = Changeset(tuples_deleted=tuples(f"doc:1#viewer@user:{user}"))
                    group.create_task(chance.choice(nodes).write("t1", [changes]))
            granted = (granted | grants) - revokes
            async with asyncio.TaskGroup() as group:
                for node in nodes:
                    group.create_task(_ensure_exact(node, granted=grants - revokes, revoked=revokes))


async def _ensure_exact(node: PostgresStorage, *, granted: set[str], revoked: set[str]) -> None:
    head = (await node.head("t1")).snapshot
    users = sorted(granted | revoked)
    reads = [EntityRead("doc", "1", SubjectRef("user", user, ""), _VIEWERS) for user in users]
    facts = await node.read("t1", head, reads)
    assert {user for user, found in zip(users, facts, strict=True) if found.memberships} == granted


async def test_what_one_node_acknowledged_every_node_sees_while_others_write(database: str) -> None:
    """Reading at head right after the acknowledgement, on the other node, amid writers who never pause."""
    async with AsyncExitStack() as stack:
        nodes = [await PostgresStorage.open(PostgresSettings(database)) for _ in range(2)]
        for node in nodes:
            stack.push_async_callback(node.close)

        async def alternate(name: str, first: int) -> None:
            for n in range(25):
                here, there = nodes[(first + n) % 2], nodes[(first + n + 1) % 2]
                await here.write("t1", [Changeset(tuples(f"doc:2#viewer@user:{name}"))])
                await _ensure_exact_of(there, name, is_granted=True)
                await here.write("t1", [Changeset(tuples_deleted=tuples(f"doc:2#viewer@user:{name}"))])
                await _ensure_exact_of(there, name, is_granted=False)

        async with asyncio.TaskGroup() as group:
            for first, name in enumerate("abcdef"):
                group.create_task(alternate(name, first))


async def _ensure_exact_of(node: PostgresStorage, user: str, *, is_granted: bool) -> None:
    head = (await node.head("t1")).snapshot
    (facts,) = await node.read("t1", head, [EntityRead("doc", "2", SubjectRef("user", user, ""), _VIEWERS)])
    assert bool(facts.memberships) is is_granted
