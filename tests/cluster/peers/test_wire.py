"""What one node tells another arrives as it was: requests, answers, cards and every error."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.invoker.answers import Answered, Evidence
from cluster.member import Member
from cluster.peers import wire_asks
from cluster.peers.card import Card, CardState, Protocols
from cluster.peers.wire_answers import answer_to_proto, outcome_from_proto
from cluster.peers.wire_asks import ask_to_proto, request_from_proto
from cluster.peers.wire_cards import card_from_proto, card_to_proto
from cluster.peers.wire_errors import KINDS, error_from_proto, error_to_proto
from model import errors
from model.attributes import INT32_MAX, INT32_MIN, Attribute, AttributeKind, AttributeValue
from model.check import NO_CONTEXT, CheckAnswer, CheckRequest, Context, Question, Verdict
from model.errors import AuthzError, ErrorCode, InvalidSchema, LimitExceeded, NotFound, NotServed, Unavailable
from model.snapshot import Snapshot
from model.tuples import EntityRef, RelationTuple, SubjectRef
from proto.dispatch.v1 import dispatch_pb2 as pb
from tests.cluster.peers.two_nodes import request

texts = st.text(max_size=8)
uint64 = st.integers(0, 2**64 - 1)
floats = st.floats(allow_nan=False)
scalars = {
    AttributeKind.BOOLEAN: st.booleans(),
    AttributeKind.STRING: texts,
    AttributeKind.INTEGER: st.integers(INT32_MIN, INT32_MAX),
    AttributeKind.DOUBLE: floats,
}
json = st.recursive(
    st.none() | st.booleans() | floats | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def values(kind: AttributeKind) -> st.SearchStrategy[Any]:
    element = scalars[kind.element]
    return st.lists(element, max_size=3).map(tuple) if kind.is_array else element


attributes = st.sampled_from(AttributeKind).flatmap(
    lambda kind: st.builds(Attribute, texts, texts, texts, values(kind).map(lambda value: AttributeValue(kind, value)))
)
questions = st.builds(
    Question,
    st.builds(EntityRef, texts, texts),
    texts,
    st.builds(SubjectRef, texts, texts, texts),
    st.lists(texts, max_size=3).map(tuple),
)
contexts = st.builds(
    Context,
    st.lists(st.builds(RelationTuple, *[texts] * 6), max_size=3).map(tuple),
    st.lists(attributes, max_size=3).map(tuple),
    st.dictionaries(texts, json, max_size=3),
)
requests = st.builds(
    CheckRequest,
    texts,
    st.lists(questions, max_size=3).map(tuple),
    st.integers(0, 2**31),
    texts,
    texts,
    st.just(NO_CONTEXT) | contexts,
)
codes = st.none() | st.sampled_from(ErrorCode)


def errors_of(kind: type[AuthzError]) -> st.SearchStrategy[AuthzError]:
    if issubclass(kind, InvalidSchema):
        line = st.integers(1, 2**32 - 1)
        return st.builds(
            kind,
            texts,
            line=line,
            column=line,
            code=st.sampled_from(ErrorCode),
            source_line=texts,
            hint=texts,
        )
    if issubclass(kind, LimitExceeded):
        return st.builds(kind, texts, codes, retry_after_s=st.none() | floats)
    if "code" in inspect.signature(kind).parameters:
        return st.builds(kind, texts, codes)
    return st.builds(kind, texts)


any_error = st.sampled_from(list(KINDS.values())).flatmap(errors_of)
snapshots = st.builds(Snapshot, uint64, uint64, st.frozensets(uint64, max_size=3))
evidence = st.builds(Evidence, snapshots, snapshots, texts, st.lists(uint64, max_size=5).map(tuple))
answers = st.builds(CheckAnswer, st.sampled_from(Verdict), uint64)
all_answered = st.builds(Answered, st.lists(answers, max_size=3).map(tuple), snapshots, texts, st.none() | evidence)


def facts(error: AuthzError) -> tuple[object, ...]:
    """Everything there is to know of an error."""
    return type(error), error.args, vars(error)


@given(requests, st.booleans())
def test_requests_arrive_as_they_were(sent: CheckRequest, wants_evidence: bool) -> None:
    ask = pb.Ask.FromString(ask_to_proto(sent, wants_evidence=wants_evidence).SerializeToString())
    assert request_from_proto(ask) == sent
    assert ask.wants_evidence is wants_evidence


@given(requests)
def test_numbers_keep_their_type(sent: CheckRequest) -> None:
    """True == 1 == 1.0, and rules tell them apart."""
    assert repr(request_from_proto(ask_to_proto(sent, wants_evidence=False))) == repr(sent)


@given(uint64, all_answered)
def test_answers_arrive_as_they_were(ask_id: int, sent: Answered) -> None:
    answer = pb.Answer.FromString(answer_to_proto(ask_id, sent).SerializeToString())
    assert answer.id == ask_id
    assert outcome_from_proto(answer) == sent


@given(any_error)
def test_errors_arrive_as_they_were(sent: AuthzError) -> None:
    answer = pb.Answer.FromString(answer_to_proto(1, sent).SerializeToString())
    arrived = outcome_from_proto(answer)
    assert isinstance(arrived, AuthzError)
    assert facts(arrived) == facts(sent)


@given(any_error, uint64)
def test_so_do_errors_of_single_questions(sent: AuthzError, count: int) -> None:
    told = Answered((CheckAnswer(Verdict.ALLOWED, 1), CheckAnswer(sent, count)), Snapshot.at_commit(1), "v")
    arrived = outcome_from_proto(answer_to_proto(1, told))
    assert isinstance(arrived, Answered)
    assert arrived.answers[0] == told.answers[0]
    assert arrived.answers[1].check_count == count
    assert isinstance(arrived.answers[1].outcome, AuthzError)
    assert facts(arrived.answers[1].outcome) == facts(sent)


def test_every_error_has_a_name_on_the_wire() -> None:
    ours = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AuthzError)}
    assert set(KINDS.values()) == ours


def test_an_error_of_another_module_travels_as_what_it_is_one_of() -> None:
    class Stalled(LimitExceeded):
        pass

    arrived = error_from_proto(error_to_proto(Stalled("slow", retry_after_s=2.0)))
    assert facts(arrived) == facts(LimitExceeded("slow", retry_after_s=2.0))


def test_an_error_only_newer_nodes_know_says_that_the_peer_could_not() -> None:
    arrived = error_from_proto(pb.Error(kind="Overslept", message="sorry", code=99_999))
    assert facts(arrived) == facts(Unavailable("sorry"))


def test_an_error_whose_code_is_always_the_same_keeps_it() -> None:
    assert error_from_proto(error_to_proto(NotServed("off"))).code is ErrorCode.NOT_IMPLEMENTED


def test_the_text_of_an_error_is_told_even_if_it_is_no_unicode() -> None:
    assert str(error_from_proto(error_to_proto(AuthzError("bad \udc00 id")))) == "bad ? id"


@pytest.mark.parametrize(
    "untellable",
    [
        request(entity_id="\udc00"),
        CheckRequest("t1", (), 2**63),
        CheckRequest("t1", (), 1, context=Context(data={"a": object()})),
        CheckRequest(
            "t1",
            (),
            1,
            context=Context(attributes=(Attribute("a", "b", "c", AttributeValue(AttributeKind.INTEGER, 2**31)),)),
        ),
    ],
)
def test_what_no_message_can_hold_is_said_so(untellable: CheckRequest) -> None:
    with pytest.raises(ValueError, match=r"."):
        ask_to_proto(untellable, wants_evidence=False)


def test_data_nested_too_deeply_is_said_so_at_both_ends() -> None:
    data: dict[str, Any] = {}
    for _ in range(100_000):
        data = {"a": data}
    with pytest.raises(ValueError, match="not JSON"):
        ask_to_proto(CheckRequest("t1", (), 1, context=Context(data=data)), wants_evidence=False)
    with pytest.raises(ValueError, match="nested too deeply"):
        request_from_proto(asking(context=pb.Context(json='{"a":' * 100_000)))


@pytest.mark.parametrize(
    "context",
    [
        pb.Context(json="{"),
        pb.Context(json="[]"),
        pb.Context(attributes=[pb.Attribute(kind=99)]),
        pb.Context(attributes=[pb.Attribute(kind=AttributeKind.STRING)]),
        pb.Context(attributes=[pb.Attribute(kind=AttributeKind.STRING, strings=["a", "b"])]),
    ],
)
def test_contexts_no_node_sends_are_refused(context: pb.Context) -> None:
    with pytest.raises(ValueError, match=r"."):
        request_from_proto(asking(context=context))


def test_an_answer_without_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="no verdict: 0"):
        outcome_from_proto(pb.Answer(finding=pb.Finding(outcomes=[pb.Outcome()]).SerializeToString()))


@pytest.mark.parametrize(
    "sent", [replace(request(), snap_token="t" * 10_000), replace(request(), schema_version="v" * 10_000)]
)
def test_what_a_client_makes_long_is_not_remembered_at_either_end(sent: CheckRequest) -> None:
    before = wire_asks._told.cache_info(), wire_asks._known.cache_info()
    assert request_from_proto(ask_to_proto(sent, wants_evidence=False)) == sent
    assert (wire_asks._told.cache_info(), wire_asks._known.cache_info()) == before


def test_what_is_no_request_or_no_finding_is_refused() -> None:
    with pytest.raises(ValueError, match="no request"):
        request_from_proto(pb.Ask(request=b"\xff"))
    with pytest.raises(ValueError, match="no finding"):
        outcome_from_proto(pb.Answer(finding=b"\xff"))


def test_an_error_is_another_object_for_each_who_is_told() -> None:
    """It is raised, and so grows a traceback."""
    told = answer_to_proto(1, Answered((CheckAnswer(NotFound("no such type"), 1),), Snapshot.at_commit(1), "v"))
    first, second = outcome_from_proto(told), outcome_from_proto(told)
    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert first.answers[0].outcome is not second.answers[0].outcome


def asking(**parts: Any) -> pb.Ask:
    return pb.Ask(request=pb.Request(**parts).SerializeToString())


def test_rules_may_see_infinities() -> None:
    sent = CheckRequest("t1", (), 1, context=Context(data={"most": float("inf"), "least": float("-inf")}))
    assert request_from_proto(ask_to_proto(sent, wants_evidence=False)) == sent


@pytest.mark.parametrize("state", CardState)
def test_cards_arrive_as_they_were(state: CardState) -> None:
    card = Card("0123456789abcdef", Protocols(1, 3), Member("a:5000", "north", 7, "1.2.3"), state)
    assert card_from_proto(card_to_proto(card)) == card


def test_a_state_only_newer_nodes_know_is_refused() -> None:
    with pytest.raises(ValueError, match="no state of a node: 9"):
        card_from_proto(pb.CardResponse(state=9))  # type: ignore[arg-type]  # as it may come in
