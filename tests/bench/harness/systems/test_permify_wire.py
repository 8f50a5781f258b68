"""The wire contract as an endpoint: what is sent, and what is taken for an answer."""

from __future__ import annotations

from typing import TypeVar

import pytest
from google.protobuf.message import Message

from bench.harness.ports import Ask, BulkCheck, Check, LookupEntities, LookupSubjects, Write
from bench.harness.systems.permify_wire import DEPTH, PermifyWireEndpoint
from model.check import Question
from model.tuples import RelationTuple
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.bench.harness.systems.asking import ANN, PLAN
from tests.bench.harness.systems.small_dataset import QUESTIONS

ENDPOINT = PermifyWireEndpoint(("127.0.0.1:1",), "bench-1")
ROW = RelationTuple("document", "plan", "viewer", "group", "all", "member")
QUESTION = Question(PLAN, "view", ANN)
ENTITY, SUBJECT = base.Entity(type="document", id="plan"), base.Subject(type="user", id="ann")

M = TypeVar("M", bound=Message)


def sent(ask: Ask, method: str, kind: type[M]) -> M:
    request = ENDPOINT.request(ask)
    assert request.method == f"/base.v1.{method}"
    return kind.FromString(request.body)


def test_a_check_is_sent_at_head_and_deep_enough_for_any_workload() -> None:
    assert sent(Check(QUESTION), "Permission/Check", pb.PermissionCheckRequest) == pb.PermissionCheckRequest(
        tenant_id="bench-1",
        metadata=pb.PermissionCheckRequestMetadata(depth=DEPTH),
        entity=ENTITY,
        permission="view",
        subject=SUBJECT,
    )


def test_contextual_tuples_are_sent_along() -> None:
    found = sent(Check(QUESTION, (ROW,)), "Permission/Check", pb.PermissionCheckRequest)
    (row,) = found.context.tuples
    assert (row.entity.id, row.relation, row.subject.id, row.subject.relation) == ("plan", "viewer", "all", "member")


def test_lookups_ask_for_all_there_is() -> None:
    entities = sent(
        LookupEntities("document", "view", ANN), "Permission/LookupEntity", pb.PermissionLookupEntityRequest
    )
    assert (entities.entity_type, entities.permission, entities.subject) == ("document", "view", SUBJECT)
    subjects = sent(LookupSubjects(PLAN, "view", "user"), "Permission/LookupSubject", pb.PermissionLookupSubjectRequest)
    assert (subjects.entity, subjects.permission, subjects.subject_reference.type) == (ENTITY, "view", "user")
    for lookup in (entities, subjects):
        assert lookup.metadata.depth == DEPTH
        assert lookup.page_size >= 1_000_000


def test_a_bulk_check_holds_its_questions_in_order() -> None:
    found = sent(BulkCheck(QUESTIONS), "Permission/BulkCheck", pb.PermissionBulkCheckRequest)
    told = [(item.entity.id, item.permission, item.subject.id) for item in found.items]
    assert told == [(each.entity.id, each.permission, each.subject.id) for each in QUESTIONS]


def test_a_write_holds_its_tuples_and_is_timed_unless_it_goes_on_beside() -> None:
    found = sent(Write((ROW, ROW._replace(entity_id="memo"))), "Data/Write", pb.DataWriteRequest)
    assert [row.entity.id for row in found.tuples] == ["plan", "memo"]
    assert found.HasField("metadata")
    assert ENDPOINT.request(Write((ROW,))).timed
    assert not ENDPOINT.request(Write((ROW,), aside=True)).timed


ALLOWED = pb.PermissionCheckResponse(can=base.CHECK_RESULT_ALLOWED)
DENIED = pb.PermissionCheckResponse(can=base.CHECK_RESULT_DENIED)


@pytest.mark.parametrize(
    ("ask", "reply", "answer"),
    [
        (Check(QUESTION), ALLOWED, True),
        (Check(QUESTION), DENIED, False),
        (
            LookupEntities("document", "view", ANN),
            pb.PermissionLookupEntityResponse(entity_ids=["b", "a"]),
            frozenset("ab"),
        ),
        (LookupEntities("document", "view", ANN), pb.PermissionLookupEntityResponse(), frozenset()),
        (
            LookupSubjects(PLAN, "view", "user"),
            pb.PermissionLookupSubjectResponse(subject_ids=["u"]),
            frozenset("u"),
        ),
        (
            BulkCheck((QUESTION, QUESTION)),
            pb.PermissionBulkCheckResponse(results=[ALLOWED, DENIED]),
            (True, False),
        ),
        (Write((ROW,)), pb.DataWriteResponse(snap_token="t"), None),
    ],
)
def test_answers_are_read(ask: Ask, reply: Message, answer: object) -> None:
    raw = reply.SerializeToString()
    assert ENDPOINT.answer(ask, [raw]) == answer
    check = ENDPOINT.request(ask).check
    assert check is not None
    assert check([raw])


@pytest.mark.parametrize(
    ("ask", "reply"),
    [
        (Check(QUESTION), [b""]),  # neither allowed nor denied
        (Check(QUESTION), [b"\xff\xff"]),
        (Check(QUESTION), []),
        (Check(QUESTION, expected=False), [ALLOWED.SerializeToString()]),
        (LookupEntities("document", "view", ANN, expected=2), [b""]),
        (LookupSubjects(PLAN, "view", "user", expected=1), [b""]),
        (BulkCheck((QUESTION, QUESTION)), [pb.PermissionBulkCheckResponse(results=[ALLOWED]).SerializeToString()]),
        (
            BulkCheck((QUESTION,)),
            [pb.PermissionBulkCheckResponse(results=[pb.PermissionCheckResponse()]).SerializeToString()],
        ),
        (Write((ROW,)), [b"\xff\xff"]),
    ],
)
def test_what_is_no_answer_or_the_wrong_one_is_not_taken_for_right(ask: Ask, reply: list[bytes]) -> None:
    check = ENDPOINT.request(ask).check
    assert check is not None
    assert not check(reply)
