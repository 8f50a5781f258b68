"""What this node answers: what it knows at the price of a head, the rest once, and all of it exactly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from cluster.invoker.answers import Answered
from cluster.invoker.cache import AnswerCache
from cluster.invoker.heads import Heads
from cluster.invoker.local import LocalAnswers
from cluster.invoker.pins import Pins
from cluster.invoker.warm_up import WarmUp
from engine.catalog import SchemaCatalog
from engine.check_many import MANY
from model.check import CheckRequest, Context, Question, Verdict
from model.errors import DepthExhausted
from model.snapshot import Snapshot, encode_snap_token
from model.tuples import EntityRef, RelationTuple, SubjectRef
from storage.base import Changeset, EntityRead, Facts
from storage.sqlite import SqliteStorage

SCHEMA = """
entity user {}
entity group { relation member @user }
entity doc { relation viewer @user @group#member  permission view = viewer }
"""
ROWS = [RelationTuple.parse(text) for text in ("doc:1#viewer@group:g#member", "group:g#member@user:ann")]


class CountingStorage(SqliteStorage):
    """Counts readings of entities, and holds them up while ``gate`` is closed."""

    readings = 0
    gate: asyncio.Event

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> list[Facts]:
        self.readings += 1
        await self.gate.wait()
        return await super().read(tenant, snapshot, reads)


class Node:
    """What a node answers with."""

    def __init__(self, storage: SqliteStorage) -> None:
        heads = Heads(storage)
        self.cache = AnswerCache(max_bytes=2**20, max_entries=1000)
        self.local = LocalAnswers(storage, heads, Pins(heads, SchemaCatalog(storage, 10)), self.cache)
        self.warm_up = WarmUp(self.cache, heads)


@pytest.fixture
async def storage() -> AsyncIterator[CountingStorage]:
    storage = await CountingStorage.open(None)
    storage.gate = asyncio.Event()
    storage.gate.set()
    await storage.write_schema("t1", SCHEMA)
    await storage.write("t1", [Changeset(ROWS)])
    yield storage
    await storage.close()


@pytest.fixture
def node(storage: CountingStorage) -> Node:
    return Node(storage)


def request(*users: str, doc: str = "1", token: Snapshot | None = None) -> CheckRequest:
    questions = tuple(Question(EntityRef("doc", doc), "view", SubjectRef("user", user)) for user in users)
    return CheckRequest("t1", questions, 20, snap_token=encode_snap_token(token) if token else "")


def verdicts(answered: Answered) -> list[bool]:
    return [answer.verdict() is Verdict.ALLOWED for answer in answered.answers]


async def test_a_question_is_looked_into_once(storage: CountingStorage, node: Node) -> None:
    assert verdicts(await node.local.answer(request("ann"))) == [True]
    readings = storage.readings
    for _ in range(3):
        assert verdicts(await node.local.answer(request("ann"))) == [True]
    assert storage.readings == readings > 0


async def test_a_write_elsewhere_costs_nothing_and_one_that_matters_is_seen(
    storage: CountingStorage, node: Node
) -> None:
    await node.local.answer(request("ann"))
    readings = storage.readings
    await storage.write("t1", [Changeset([RelationTuple.parse("group:g#member@user:bob")])])
    assert verdicts(await node.local.answer(request("ann"))) == [True]
    assert storage.readings == readings
    await storage.write("t1", [Changeset(tuples_deleted=[ROWS[1]])])
    assert verdicts(await node.local.answer(request("ann"))) == [False]
    assert storage.readings > readings


async def test_old_tokens_are_answered_as_of_then(storage: CountingStorage, node: Node) -> None:
    before = (await storage.head("t1")).snapshot
    await node.local.answer(request("ann"))
    await storage.write("t1", [Changeset(tuples_deleted=[ROWS[1]])])
    assert verdicts(await node.local.answer(request("ann"))) == [False]
    assert verdicts(await node.local.answer(request("ann", token=before))) == [True]


async def test_several_are_looked_into_together_and_kept_one_by_one(storage: CountingStorage, node: Node) -> None:
    await node.local.answer(request("ann"))
    assert verdicts(await node.local.answer(request("bob", "ann", "cem", "bob"))) == [False, True, False, False]
    readings = storage.readings
    assert verdicts(await node.local.answer(request("cem"))) == [False]
    assert verdicts(await node.local.answer(request("cem", "bob"))) == [False, False]
    assert storage.readings == readings


async def test_equal_questions_at_one_time_are_one(storage: CountingStorage, node: Node) -> None:
    storage.gate.clear()
    tasks = [asyncio.create_task(node.local.answer(request("ann"))) for _ in range(10)]
    await asyncio.sleep(0.01)
    assert storage.readings == 1
    storage.gate.set()
    assert [verdicts(answered) for answered in await asyncio.gather(*tasks)] == [[True]] * 10


async def test_what_is_brought_along_is_part_of_the_question(node: Node) -> None:
    brought = Context((RelationTuple.parse("doc:1#viewer@user:bob"),))
    assert verdicts(await node.local.answer(request("bob"))) == [False]
    assert verdicts(await node.local.answer(replace(request("bob"), context=brought))) == [True]
    assert verdicts(await node.local.answer(request("bob"))) == [False]


async def test_an_answer_is_not_given_to_who_allows_less_depth(node: Node) -> None:
    assert verdicts(await node.local.answer(request("ann"))) == [True]
    (answer,) = (await node.local.answer(replace(request("ann"), depth=0))).answers
    assert isinstance(answer.outcome, DepthExhausted)
    assert verdicts(await node.local.answer(request("ann"))) == [True]


async def test_who_names_token_and_version_is_answered_from_the_store(storage: CountingStorage, node: Node) -> None:
    head = await storage.head("t1")
    await node.local.answer(request("ann"))
    readings = storage.readings
    pinned = replace(request("ann", token=head.snapshot), schema_version=head.schema_version)
    assert verdicts(await node.local.answer(pinned)) == [True]
    assert storage.readings > readings
    assert await node.local.recall(pinned) is None


async def test_only_what_is_cached_is_recalled(storage: CountingStorage, node: Node) -> None:
    assert await node.local.recall(request("ann")) is None
    await node.local.answer(request("ann"))
    recalled = await node.local.recall(request("ann"))
    assert recalled
    assert verdicts(recalled) == [True]
    await storage.write("t1", [Changeset(tuples_deleted=[ROWS[1]])])
    assert await node.local.recall(request("ann")) is None


async def test_another_nodes_answer_is_kept_with_its_evidence(storage: CountingStorage, node: Node) -> None:
    other = Node(storage)
    given = await node.local.answer(request("ann"), wants_evidence=True)
    await other.local.adopt(request("ann"), given)
    readings = storage.readings
    assert verdicts(await other.local.answer(request("ann"))) == [True]
    assert storage.readings == readings
    await storage.write("t1", [Changeset(tuples_deleted=[ROWS[1]])])
    assert verdicts(await other.local.answer(request("ann"))) == [False]


async def test_an_answer_of_another_history_is_not_kept(storage: CountingStorage, node: Node) -> None:
    given = await node.local.answer(request("ann"), wants_evidence=True)
    assert given.evidence
    foreign = replace(given, evidence=replace(given.evidence, history="restored"))
    other = Node(storage)
    await other.local.adopt(request("ann"), foreign)
    assert len(other.cache) == 0


async def test_evidence_is_given_to_who_asks_for_it_about_one_question(node: Node) -> None:
    assert (await node.local.answer(request("ann"))).evidence is None
    assert (await node.local.answer(request("ann", "bob"), wants_evidence=True)).evidence is None


async def test_a_newcomer_takes_over_what_is_asked_most_and_stays_exact(storage: CountingStorage, node: Node) -> None:
    for user, times in (("ann", 3), ("bob", 2), ("cem", 1)):
        for _ in range(times):
            await node.local.answer(request(user))
    newcomer = Node(storage)
    given = await node.warm_up.hottest(lambda key: "cem" not in key, 1)
    assert [kept.key[-2] for kept in given] == ["ann"]
    await newcomer.warm_up.take_over(await node.warm_up.hottest(lambda _: True, 2))
    readings = storage.readings
    assert verdicts(await newcomer.local.answer(request("ann"))) == [True]
    assert storage.readings == readings
    assert len(newcomer.cache) == 2
    await storage.write("t1", [Changeset(tuples_deleted=[ROWS[1]])])
    assert verdicts(await newcomer.local.answer(request("ann"))) == [False]


async def test_what_no_longer_holds_is_given_to_nobody(storage: CountingStorage, node: Node) -> None:
    await node.local.answer(request("ann"))
    await storage.write("t1", [Changeset(tuples_deleted=[ROWS[1]])])
    await node.local.answer(request("bob"))
    assert [kept.key[-2] for kept in await node.warm_up.hottest(lambda _: True, 10)] == ["bob"]


async def test_what_evaluations_cost_is_counted_and_what_the_cache_gives_costs_none(node: Node) -> None:
    tallies = node.local.tallies
    await node.local.answer(request("ann"))
    (rounds, reads, entities) = (tallies.rounds.sum, tallies.reads.sum, tallies.entities_read.sum)
    assert tallies.rounds.count == 1
    assert rounds >= reads == entities == 2  # the document, then the group
    await node.local.answer(request("ann"))
    assert tallies.rounds.count == 1
    await node.local.answer(request("bob", "cem"))
    assert tallies.rounds.count == 2
    assert tallies.entities_read.sum == entities + 4
    assert tallies.reads.sum == reads + 2


async def test_what_is_settled_backwards_has_its_cost_as_well(storage: CountingStorage, node: Node) -> None:
    many = tuple(Question(EntityRef("doc", str(number)), "view", SubjectRef("user", "ann")) for number in range(MANY))
    answered = await node.local.answer(CheckRequest("t1", many, 20))
    assert sum(verdicts(answered)) == 1
    assert storage.readings == 0, "no document was looked into"
    tallies = node.local.tallies
    assert tallies.rounds.count == 1
    assert tallies.entities_read.sum >= tallies.rounds.sum == tallies.reads.sum >= 2  # its groups, then what they see


async def test_an_evaluation_that_fails_has_its_cost_too(storage: CountingStorage, node: Node) -> None:
    storage.gate.clear()
    asking = asyncio.create_task(node.local.answer(request("ann")))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    assert (node.local.tallies.reads.count, node.local.tallies.reads.sum) == (1, 1)
