"""Who answers: the owner; this node where it can, where it must, and where it knows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cluster.hashring.ring import Ring
from cluster.invoker import routing
from cluster.invoker.answers import Answered, NoAnswer
from cluster.invoker.cache import AnswerCache
from cluster.invoker.chronicle import Chronicle
from cluster.invoker.heads import Heads
from cluster.invoker.keys import routing_key
from cluster.invoker.local import LocalAnswers
from cluster.invoker.pins import Pins
from cluster.invoker.routing import RoutedAnswers
from cluster.member import Member
from engine.catalog import SchemaCatalog
from model.check import CheckRequest, Question, Verdict
from model.deadline import time_limited
from model.errors import NotFound, Unavailable
from model.tuples import EntityRef, RelationTuple, SubjectRef
from storage.base import Changeset
from storage.sqlite import SqliteStorage

SCHEMA = "entity user {} entity doc { relation viewer @user  permission view = viewer }"
ME, PEER = "me:5000", "peer:5000"


class Local(LocalAnswers):
    """Counts what it is asked."""

    asked = 0

    async def answer(self, request: CheckRequest, *, wants_evidence: bool = False) -> Answered:
        self.asked += 1
        return await super().answer(request, wants_evidence=wants_evidence)


class Node:
    """A node whose owners are another one, over the same store; ``fails`` is what asking it raises."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.ring = Ring.of([Member(ME), Member(PEER)])
        self.heads = Heads(storage)
        self.local, self.peer = _local(storage, self.heads), _local(storage, Heads(storage))
        self.routed = RoutedAnswers(self.local, self, self, ME)
        self.asked: list[tuple[str, bool]] = []
        self.timeouts_s: list[float] = []
        self.fails: Exception | None = None

    async def ask(self, address: str, request: CheckRequest, *, timeout_s: float, wants_evidence: bool) -> Answered:
        self.asked.append((address, wants_evidence))
        self.timeouts_s.append(timeout_s)
        if self.fails is not None:
            raise self.fails
        return await self.peer.answer(request, wants_evidence=wants_evidence)

    def doc_of(self, owner: str, version: str) -> str:
        """An id whose question that node owns."""
        for number in range(1000):
            if self.ring.owner(routing_key("t1", version, _question(str(number)))) == owner:
                return str(number)
        raise AssertionError("nobody owns that little")


def _local(storage: SqliteStorage, heads: Heads) -> Local:
    cache = AnswerCache(max_bytes=2**20, max_entries=100)
    return Local(storage, heads, Pins(heads, SchemaCatalog(storage, 10)), cache)


def _question(doc: str) -> Question:
    return Question(EntityRef("doc", doc), "view", SubjectRef("user", "ann"))


def _request(*docs: str, version: str = "") -> CheckRequest:
    return CheckRequest("t1", tuple(_question(doc) for doc in docs), 20, schema_version=version)


@pytest.fixture
async def storage() -> AsyncIterator[SqliteStorage]:
    storage = await SqliteStorage.open(None)
    yield storage
    await storage.close()


@pytest.fixture
async def version(storage: SqliteStorage) -> str:
    return await storage.write_schema("t1", SCHEMA)


@pytest.fixture
def node(storage: SqliteStorage) -> Node:
    return Node(storage)


async def share(storage: SqliteStorage, doc: str) -> None:
    await storage.write("t1", [Changeset([RelationTuple("doc", doc, "viewer", "user", "ann")])])


async def unshare(storage: SqliteStorage, doc: str) -> None:
    row = RelationTuple("doc", doc, "viewer", "user", "ann")
    await storage.write("t1", [Changeset(tuples_deleted=[row])])


async def may_view(node: Node, *docs: str, version: str = "") -> list[bool]:
    answered = await node.routed.answer(_request(*docs, version=version))
    return [answer.verdict() is Verdict.ALLOWED for answer in answered.answers]


async def test_what_this_node_owns_it_answers_itself(storage: SqliteStorage, node: Node, version: str) -> None:
    doc = node.doc_of(ME, version)
    await share(storage, doc)
    assert await may_view(node, doc, version=version) == [True]
    assert node.asked == []


async def test_what_another_owns_it_is_asked_for(storage: SqliteStorage, node: Node, version: str) -> None:
    doc = node.doc_of(PEER, version)
    await share(storage, doc)
    assert await may_view(node, doc, version=version) == [True]
    assert node.asked == [(PEER, False)]
    assert (node.local.asked, node.peer.asked) == (0, 1)


async def test_questions_asked_together_go_together(storage: SqliteStorage, node: Node, version: str) -> None:
    theirs, mine = node.doc_of(PEER, version), node.doc_of(ME, version)
    await share(storage, mine)
    assert await may_view(node, theirs, mine, version=version) == [False, True]
    assert len(node.asked) == 1
    assert await may_view(node, mine, theirs, version=version) == [True, False]
    assert len(node.asked) == 1


async def test_the_latest_version_is_learned_from_answers(storage: SqliteStorage, node: Node, version: str) -> None:
    await may_view(node, "elsewhere")
    node.asked.clear()
    doc = node.doc_of(PEER, version)
    assert await may_view(node, doc) == [False]
    assert [address for address, _ in node.asked] == [PEER]
    newer = await storage.write_schema("t1", SCHEMA)
    await may_view(node, doc)
    assert await may_view(node, node.doc_of(ME, newer)) == [False]


async def test_without_an_answer_this_node_answers(storage: SqliteStorage, node: Node, version: str) -> None:
    doc = node.doc_of(PEER, version)
    await share(storage, doc)
    node.fails = NoAnswer("gone")
    assert await may_view(node, doc, version=version) == [True]
    assert node.local.asked == 1


async def test_what_the_owner_says_of_the_request_is_said_to_the_caller(node: Node, version: str) -> None:
    node.fails = NotFound("no such schema")
    with pytest.raises(NotFound, match="no such schema"):
        await may_view(node, node.doc_of(PEER, version), version=version)
    assert node.local.asked == 0


async def test_a_hot_answer_is_kept_near_and_stays_exact(storage: SqliteStorage, node: Node, version: str) -> None:
    await may_view(node, "elsewhere")  # the latest version is known from now on
    doc = node.doc_of(PEER, version)
    await share(storage, doc)
    node.asked.clear()
    assert [await may_view(node, doc) for _ in range(20)] == [[True]] * 20
    assert node.asked == [(PEER, False)] * 4 + [(PEER, True)]
    await share(storage, "something else")
    assert await may_view(node, doc) == [True]
    assert len(node.asked) == 5
    await unshare(storage, doc)
    assert await may_view(node, doc) == [False]
    assert len(node.asked) == 6


async def test_an_answer_that_cannot_be_kept_near_is_given_all_the_same(
    storage: SqliteStorage, node: Node, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(tenant: str) -> Chronicle:
        raise Unavailable(f"no head of {tenant}")

    doc = node.doc_of(PEER, version)
    await share(storage, doc)
    monkeypatch.setattr(node.heads, "latest", unavailable)
    assert [await may_view(node, doc, version=version) for _ in range(10)] == [[True]] * 10
    assert node.asked[-1] == (PEER, True)


async def test_who_cannot_find_out_whether_it_knows_asks_the_owner(
    storage: SqliteStorage, node: Node, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(tenant: str) -> Chronicle:
        raise Unavailable(f"no head of {tenant}")

    await may_view(node, "elsewhere")  # the latest version is known from now on
    doc = node.doc_of(PEER, version)
    await share(storage, doc)
    assert [await may_view(node, doc) for _ in range(6)] == [[True]] * 6  # kept near by now
    asked = len(node.asked)
    monkeypatch.setattr(node.heads, "latest", unavailable)
    assert await may_view(node, doc) == [True]
    assert len(node.asked) == asked + 1


async def test_the_owner_has_half_of_the_time_that_is_left(node: Node, version: str) -> None:
    doc = node.doc_of(PEER, version)
    await may_view(node, doc, version=version)
    with time_limited(0.5):
        await may_view(node, doc, version=version)
    with time_limited(1000.0):
        await may_view(node, doc, version=version)
    assert node.timeouts_s[0] == node.timeouts_s[2] == routing.PATIENCE_S
    assert 0 < node.timeouts_s[1] <= 0.25
