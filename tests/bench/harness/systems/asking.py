"""What every system must do, whichever it is: asked through its endpoint, after it has been loaded."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from bench.harness.ports import (
    Ability,
    Answer,
    Ask,
    BulkCheck,
    CallFailed,
    Check,
    Endpoint,
    LookupEntities,
    LookupSubjects,
    System,
    Write,
)
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef
from tests.bench.harness.systems.small_dataset import QUESTIONS, SmallDataset

ANN, BEN, DAN, EVE = (SubjectRef("user", name) for name in ("ann", "ben", "dan", "eve"))
PLAN, MEMO = EntityRef("document", "plan"), EntityRef("document", "memo")
VIEWERS_OF_PLAN, VIEWERS_OF_MEMO = {"ann", "ben", "eve"}, {"ann", "eve"}


async def answers_all(system: System, abilities: frozenset[Ability]) -> Endpoint:
    """A system has a dataset loaded, and answers all it can be asked; the endpoint, for more questions."""
    loaded = await system.load(SmallDataset())
    endpoint: Endpoint = pickle.loads(pickle.dumps(loaded))
    assert endpoint == loaded
    await agrees(endpoint, [Check(question) for question in QUESTIONS], [_expected(each) for each in QUESTIONS])
    if Ability.BULK_CHECK in abilities:
        await agrees(endpoint, [BulkCheck(QUESTIONS)], [tuple(map(_expected, QUESTIONS))])
    if Ability.LOOKUP_ENTITIES in abilities:
        lookups = [LookupEntities("document", "view", user, count) for user, count in ((ANN, 2), (BEN, 1), (DAN, 0))]
        await agrees(endpoint, lookups, [frozenset({"plan", "memo"}), frozenset({"plan"}), frozenset()])
    if Ability.LOOKUP_SUBJECTS in abilities:
        lookups_of_users = [LookupSubjects(PLAN, "view", "user", 3), LookupSubjects(MEMO, "view", "user")]
        await agrees(endpoint, lookups_of_users, [frozenset(VIEWERS_OF_PLAN), frozenset(VIEWERS_OF_MEMO)])
    if Ability.CONTEXTUAL_TUPLES in abilities:
        context = (RelationTuple("group", "some", "member", "user", "dan"),)
        asks = [Check(Question(entity, "view", DAN), context) for entity in (PLAN, MEMO)]
        await agrees(endpoint, asks, [True, False])
    return endpoint


async def takes_writes(endpoint: Endpoint) -> None:
    """What is written counts from then on, and may be written again."""
    write = Write((RelationTuple("folder", "low", "viewer", "user", "dan"),))
    await agrees(endpoint, [write, write, Check(Question(PLAN, "view", DAN))], [None, None, True])


async def agrees(endpoint: Endpoint, asks: Sequence[Ask], expected: Sequence[Answer]) -> None:
    async with endpoint.connected(2) as connection:
        for ask, answer in zip(asks, expected, strict=True):
            request = endpoint.request(ask)
            reply = await connection.call(request)
            assert endpoint.answer(ask, reply) == answer, ask
            assert request.check is not None
            assert request.check(reply), ask


async def status_of(endpoint: Endpoint, ask: Ask) -> str:
    """What a call fails with."""
    async with endpoint.connected(1) as connection:
        try:
            await connection.call(endpoint.request(ask))
        except CallFailed as failed:
            return failed.status
    raise AssertionError(f"{ask} was answered")


def _expected(question: Question) -> bool:
    viewers = VIEWERS_OF_PLAN if question.entity == PLAN else VIEWERS_OF_MEMO
    if question.permission == "view":
        return question.subject.id in viewers
    return (question.entity, question.subject.id) == (PLAN, "ann")
