"""Requests as messages between nodes, and back; nothing is lost, and nothing is looked at again.

What is passed on is mostly asked again and again, so single questions are remembered by either end, in words and in
bytes: making them took 4 µs and reading them 11.

A request may hold what no message can: text that is not valid Unicode, data nested too deeply. Then ``ask_to_proto``
raises ValueError, and the request is answered where it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from model.attributes import Attribute, AttributeKind, AttributeValue, Scalar
from model.check import NO_CONTEXT, CheckRequest, Context, Question
from model.tuples import EntityRef, RelationTuple, SubjectRef
from proto.dispatch.v1 import dispatch_pb2 as pb

_REMEMBERED = 4_096  # requests, about 1 KiB each
_MOST_REMEMBERED_BYTES = 512  # of one; larger ones bring contexts along, which hardly come again

_FIELDS = {  # of the elements, by their kind
    AttributeKind.BOOLEAN: "booleans",
    AttributeKind.STRING: "strings",
    AttributeKind.INTEGER: "integers",
    AttributeKind.DOUBLE: "doubles",
}


def ask_to_proto(request: CheckRequest, *, wants_evidence: bool) -> pb.Ask:
    """The message of a request, without id and time. Raises ValueError if it cannot be told to another node."""
    return pb.Ask(request=_bytes_of(request), wants_evidence=wants_evidence)


def request_from_proto(ask: pb.Ask) -> CheckRequest:
    """The request. Raises ValueError for what no node of ours sends."""
    raw = ask.request
    return _known(raw) if len(raw) <= _MOST_REMEMBERED_BYTES else _read(raw)


def _bytes_of(request: CheckRequest) -> bytes:
    if _is_remembered(request):
        return _told(request.tenant, request.schema_version, request.snap_token, request.depth, request.questions[0])
    message = _message_of(request)
    if request.context is not NO_CONTEXT:
        message.context.CopyFrom(_context_to_proto(request.context))
    return message.SerializeToString()


def _is_remembered(request: CheckRequest) -> bool:
    """True for a single question that is small: clients may name versions and tokens of any length."""
    return (
        request.context is NO_CONTEXT
        and len(request.questions) == 1
        and not request.questions[0].arguments
        and len(request.tenant) + len(request.schema_version) + len(request.snap_token) <= _MOST_REMEMBERED_BYTES
    )


@lru_cache(_REMEMBERED)
def _told(tenant: str, schema_version: str, snap_token: str, depth: int, question: Question) -> bytes:
    return _message_of(CheckRequest(tenant, (question,), depth, snap_token, schema_version)).SerializeToString()


def _message_of(request: CheckRequest) -> pb.Request:
    """All but the context."""
    message = pb.Request(
        tenant=request.tenant,
        schema_version=request.schema_version,
        snap_token=request.snap_token,
        depth=request.depth,
    )
    message.questions.extend(map(question_to_proto, request.questions))
    return message


def _read(raw: bytes) -> CheckRequest:
    try:
        message = pb.Request.FromString(raw)
    except DecodeError as error:
        raise ValueError("this is no request") from error
    return CheckRequest(
        tenant=message.tenant,
        questions=tuple(map(question_from_proto, message.questions)),
        depth=message.depth,
        snap_token=message.snap_token,
        schema_version=message.schema_version,
        context=_context_from_proto(message.context) if message.HasField("context") else NO_CONTEXT,
    )


_known = lru_cache(_REMEMBERED)(_read)


def question_to_proto(question: Question) -> pb.Question:
    """The message of a question."""
    entity, subject = question.entity, question.subject
    return pb.Question(
        entity_type=entity.type,
        entity_id=entity.id,
        permission=question.permission,
        subject_type=subject.type,
        subject_id=subject.id,
        subject_relation=subject.relation,
        arguments=question.arguments,
    )


def question_from_proto(question: pb.Question) -> Question:
    """The question."""
    return Question(
        EntityRef(question.entity_type, question.entity_id),
        question.permission,
        SubjectRef(question.subject_type, question.subject_id, question.subject_relation),
        tuple(arguments) if (arguments := question.arguments) else (),
    )


def _context_to_proto(context: Context) -> pb.Context:
    try:
        data = json.dumps(context.data) if context.data else ""
    except (RecursionError, TypeError) as error:
        raise ValueError(f"the data of the context is not JSON: {error}") from error
    return pb.Context(
        tuples=[pb.Tuple(**row._asdict()) for row in context.tuples],
        attributes=[_attribute_to_proto(attribute) for attribute in context.attributes],
        json=data,
    )


def _context_from_proto(context: pb.Context) -> Context:
    return Context(
        tuples=tuple(_tuple_from_proto(row) for row in context.tuples),
        attributes=tuple(_attribute_from_proto(attribute) for attribute in context.attributes),
        data=_data(context.json),
    )


def _tuple_from_proto(row: pb.Tuple) -> RelationTuple:
    return RelationTuple(
        row.entity_type, row.entity_id, row.relation, row.subject_type, row.subject_id, row.subject_relation
    )


def _attribute_to_proto(attribute: Attribute) -> pb.Attribute:
    kind, value = attribute.value
    elements = value if isinstance(value, tuple) else (value,)
    message = pb.Attribute(
        entity_type=attribute.entity_type, entity_id=attribute.entity_id, name=attribute.name, kind=kind
    )
    getattr(message, _FIELDS[kind.element]).extend(elements)
    return message


def _attribute_from_proto(attribute: pb.Attribute) -> Attribute:
    kind = AttributeKind(attribute.kind)
    elements: Iterable[Scalar] = getattr(attribute, _FIELDS[kind.element])
    value: Callable[[Iterable[Scalar]], Any] = tuple if kind.is_array else _single
    return Attribute(attribute.entity_type, attribute.entity_id, attribute.name, AttributeValue(kind, value(elements)))


def _single(elements: Iterable[Scalar]) -> Scalar:
    (element,) = elements
    return element


def _data(text: str) -> dict[str, Any]:  # JSON: any shape
    try:
        data = json.loads(text) if text else {}
    except RecursionError as error:
        raise ValueError("the data of the context is nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError("the data of the context is not an object")  # noqa: TRY004 - of what was sent, not of a caller
    return data
