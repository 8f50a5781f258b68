"""No stale answer, ever: random concurrent histories, every answer compared with the naive evaluator at its snapshot.

A history is a handful of writers, of schema writes and of askers over one store, all overlapping at random points, on
nodes that join and leave the ring, pass questions on and fail to. Hypothesis prints what it takes to replay one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.check_many
from cluster.hashring.ring import Ring
from cluster.invoker import chronicle, heads, local
from cluster.invoker.answers import Answered, NoAnswer
from cluster.invoker.cache import AnswerCache
from cluster.invoker.chronicle import Chronicle
from cluster.invoker.heads import Heads
from cluster.invoker.local import LocalAnswers
from cluster.invoker.pins import Pins
from cluster.invoker.routing import RoutedAnswers
from cluster.member import Member
from engine.catalog import SchemaCatalog
from engine.outcomes import ALLOWED, DENIED, FAILED, Outcome
from engine.plan import Plan
from model.attributes import Attribute, AttributeKind, AttributeValue
from model.check import NO_CONTEXT, CheckAnswer, CheckRequest, Question, Verdict
from model.errors import AuthzError
from model.snapshot import Snapshot, encode_snap_token
from model.tuples import EntityRef, RelationTuple
from schema.compiled import CompiledSchema
from schema.compiler import compile_schema
from tests.support.cases import IDS, TYPES, Case, cases
from tests.support.concurrent_store import ConcurrentStore, Item
from tests.support.naive import NaiveEvaluator

DEEP = 10_000
NODES = 4
HISTORIES_PER_CASE = 8
T = TypeVar("T")

_ATTRIBUTES = tuple(
    Attribute(kind, entity_id, name, AttributeValue(value_kind, value))
    for kind in TYPES
    for entity_id in IDS
    for name, value_kind, values in (
        ("flag", AttributeKind.BOOLEAN, (False, True)),
        ("level", AttributeKind.INTEGER, (0, 1, 2)),
    )
    for value in values
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(autouse=True, scope="module")
def questions_asked_together_are_soon_looked_into_together() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "MANY", 4)
        patch.setattr(engine.check_many, "MANY", 2)
        yield


class Catalog(SchemaCatalog):
    """Compiles on the spot, and for all histories of a case once."""

    async def plan(self, tenant: str, version: str) -> Plan:
        record = await self._store.read_schema(tenant, version)
        assert record
        return _plan(record.text)


class Node:
    """A node's part that answers checks; ``ring`` is what it believes at the moment."""

    def __init__(self, history: History, address: str) -> None:
        own_heads = Heads(history.store)
        pins = Pins(own_heads, history.catalog)
        cache = AnswerCache(max_bytes=40_000, max_entries=history.chance.choice((3, 30)))
        self.me = address
        self.ring = _ring_of(frozenset({address}))
        self.local = LocalAnswers(history.store, own_heads, pins, cache)
        self.routed = RoutedAnswers(self.local, history, self, address)


class History:
    """One run: the store, the nodes over it, and what has been promised to whom."""

    def __init__(self, case: Case, other_schema: str, seed: int) -> None:
        self.chance = random.Random(seed)
        self.store = ConcurrentStore(self.chance, news_told=self.chance.choice((2, 1000)))
        self.catalog = Catalog(self.store, 10)  # type: ignore[arg-type]  # of a store only what checks need
        self.case = case
        self.schemas = (case.schema, other_schema)
        tuples: list[Item] = self._some_of(_fitting(case.schema), 24)
        attributes: list[Item] = [*_ATTRIBUTES]
        self.items = [*tuples, *attributes]
        self.changing = [*self._some_of(tuples, 6), *self._some_of(attributes, 2)]  # the same again and again,
        self.asked = self._some_of(case.questions, 2)  # and the same is asked
        self.written: list[str] = []
        self.locked: set[Item] = set()
        self.acknowledged: list[Snapshot] = []
        self.nodes = [Node(self, f"node-{number}:5000") for number in range(NODES)]

    async def run(self) -> None:
        self._write_schema()
        self._write(self._some_of(self.items, 14))
        self._change_rings()
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(self._keep_writing())
            for _ in range(5):
                group.create_task(self._keep_asking())
        for node in self.nodes:  # all is quiet: now head is one and the same for everybody
            for question in self.case.questions:
                await self._ask(node, question)

    # --- Owners: what nodes do when a question is somebody else's ---

    async def ask(self, address: str, request: CheckRequest, *, timeout_s: float, wants_evidence: bool) -> Answered:
        assert timeout_s > 0
        await self._pause()
        if self.chance.random() < 0.1:
            raise NoAnswer("gone")
        node = next(node for node in self.nodes if node.me == address)
        answered = await node.local.answer(request, wants_evidence=wants_evidence or self.chance.random() < 0.5)
        await self._pause()
        if self.chance.random() < 0.05:
            raise NoAnswer("gone meanwhile")
        return answered

    # --- writing ---

    def _some_of(self, items: Sequence[T], most: int) -> list[T]:
        return self.chance.sample(items, min(most, len(items)))

    def _write_schema(self) -> None:
        text = self.chance.choice(self.schemas)
        self.store.write_schema(text)
        self.written.append(text)

    def _write(self, items: list[Item]) -> None:
        xid = self.store.begin()
        for item in items:
            self.store.put(xid, item)
        self.acknowledged.append(self.store.commit(xid))

    async def _keep_writing(self) -> None:
        for _ in range(8):
            await self._pause()
            if self.chance.random() < 0.1:
                self._write_schema()
            elif self.chance.random() < 0.05 and self.store.is_quiet:
                self.store.lose_past()
                self.acknowledged.clear()
            elif self.chance.random() < 0.1:
                self._change_rings()
            else:
                await self._transact()

    async def _transact(self) -> None:
        free = [item for item in self.changing if item not in self.locked]
        mine = self._some_of(free, self.chance.randint(0, 2))
        self.locked.update(mine)
        xid = self.store.begin()
        for item in mine:
            (self.store.put if self.chance.random() < 0.5 else self.store.take_away)(xid, self._changed(item))
            await self._pause()
        self.locked.difference_update(mine)
        self.acknowledged.append(self.store.commit(xid))

    def _changed(self, item: Item) -> Item:
        """The item, an attribute with any value of its kind."""
        if isinstance(item, RelationTuple):
            return item
        return self.chance.choice([other for other in _ATTRIBUTES if other.key == item.key])

    def _change_rings(self) -> None:
        """Nodes join and leave, and for a while not all believe the same."""
        present = self.chance.sample(self.nodes, self.chance.randint(1, NODES))
        for node in self.nodes:
            if self.chance.random() < 0.7:
                node.ring = _ring_of(frozenset(other.me for other in [*present, node]))

    # --- asking ---

    async def _keep_asking(self) -> None:
        for _ in range(8):
            await self._pause()
            await self._ask(self.chance.choice(self.nodes), self.chance.choice(self.asked))

    async def _ask(self, node: Node, question: Question) -> None:
        together = [question, *self._questions_of_one_sort(question)]
        token = self.chance.choice(self.acknowledged) if self.acknowledged and self.chance.random() < 0.3 else None
        request = CheckRequest(
            "t1",
            tuple(together),
            DEEP,
            snap_token=encode_snap_token(token) if token else "",
            schema_version=str(self.chance.randrange(len(self.written))) if self.chance.random() < 0.2 else "",
            context=self.case.context if self.chance.random() < 0.3 else NO_CONTEXT,
        )
        histories, promised, versions = self.store.histories, list(self.acknowledged), len(self.written)
        answered = await (node.routed if self.chance.random() < 0.8 else node.local).answer(request)
        if self.store.histories != histories:
            return  # the past was lost while the question was looked into
        self._verify(request, answered)
        if token is None:
            assert all(answered.snapshot.covers(snapshot) for snapshot in promised), "an acknowledged write is missing"
        else:
            assert answered.snapshot == token
        assert int(answered.schema_version) >= versions - 1 or request.schema_version == answered.schema_version

    def _questions_of_one_sort(self, question: Question) -> list[Question]:
        """None most of the time; else about other entities, and one of another sort."""
        if self.chance.random() < 0.7:
            return []
        entities = [EntityRef(question.entity.type, entity_id) for entity_id in (*IDS, "unheard-of")]
        return [*(replace(question, entity=entity) for entity in entities), self.chance.choice(self.case.questions)]

    def _verify(self, request: CheckRequest, answered: Answered) -> None:
        schema = _compiled(self.written[int(answered.schema_version)])
        naive = NaiveEvaluator(schema, *self.store.state_at(answered.snapshot), request.context)
        expected = [naive.outcome(question) for question in request.questions]
        assert [_outcome(answer) for answer in answered.answers] == expected, (request, answered)

    async def _pause(self) -> None:
        for _ in range(self.chance.choice((0, 0, 1, 3, 10))):
            await asyncio.sleep(0)


@settings(max_examples=150, deadline=None)
@given(case=cases(), other=cases(), seed=st.integers(0, 2**32))
def test_every_answer_is_what_the_naive_evaluator_says_at_its_snapshot(
    runner: asyncio.Runner, case: Case, other: Case, seed: int
) -> None:
    for one in range(seed, seed + HISTORIES_PER_CASE):
        runner.run(History(case, other.schema, one).run())


@settings(max_examples=60, deadline=None)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_so_it_is_where_little_is_remembered(runner: asyncio.Runner, case: Case, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chronicle, "_MOST_HEADS", 2)
        patch.setattr(heads, "Chronicle", partial(Chronicle, most_keys=8))
        for one in range(seed, seed + HISTORIES_PER_CASE):
            runner.run(History(case, case.schema, one).run())


def _outcome(answer: CheckAnswer) -> Outcome:
    if isinstance(answer.outcome, AuthzError):
        return FAILED
    return ALLOWED if answer.outcome is Verdict.ALLOWED else DENIED


@lru_cache(maxsize=4)
def _fitting(schema: str) -> list[Item]:
    """All tuples the schema lets be stored, over two ids of each type."""
    return [
        RelationTuple(kind, entity_id, relation, target.type, subject_id, target.relation)
        for kind, entity in _compiled(schema).entities.items()
        for relation, targets in entity.relations.items()
        for target in sorted(targets)
        for entity_id in IDS
        for subject_id in IDS
    ]


@lru_cache(maxsize=16)
def _ring_of(addresses: frozenset[str]) -> Ring:
    return Ring.of([Member(address) for address in addresses])


@lru_cache(maxsize=4)
def _plan(schema: str) -> Plan:
    return Plan(_compiled(schema))


@lru_cache(maxsize=4)
def _compiled(schema: str) -> CompiledSchema:
    return compile_schema(schema)
