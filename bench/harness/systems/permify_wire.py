"""Permify's wire contract, which Ringward speaks as well: one endpoint for both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, TypeVar, assert_never

from google.protobuf.message import DecodeError, Message

from api.convert import attribute_to_proto, context_to_proto, tuple_to_proto
from bench.harness.ports import (
    Answer,
    Ask,
    BulkCheck,
    Check,
    Connection,
    Dataset,
    LookupEntities,
    LookupSubjects,
    Reply,
    Request,
    Write,
)
from bench.harness.systems.grpc_calls import grpc_connected
from bench.harness.systems.loading import batches, store_all
from bench.harness.systems.replies import check_of, only
from bench.postgres_server import PostgresServer
from model.attributes import Attribute
from model.check import Context, Question
from model.tuples import EntityRef, RelationTuple, SubjectRef
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb

DEPTH = 100
"""How many levels a check may go down: more than any workload has, and far more than the default of clients."""

_ALL = 10_000_000  # a page of a lookup

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class PermifyWireEndpoint:
    """A tenant of servers that speak the contract."""

    addresses: Sequence[str]
    tenant: str
    transport: Literal["grpc", "http"] = "grpc"

    @property
    def headers(self) -> Mapping[str, str]:
        """None."""
        return {}

    def connected(self, connections: int) -> AbstractAsyncContextManager[Connection]:
        """So many connections to each server."""
        return grpc_connected(self.addresses, connections)

    def request(self, ask: Ask) -> Request:
        """The ask as one unary call."""
        method, message = self._message(ask)
        timed = not (isinstance(ask, Write) and ask.aside)
        return Request(f"/base.v1.{method}", message.SerializeToString(), check_of(self, ask), timed)

    def answer(self, ask: Ask, reply: Reply) -> Answer:
        """What the reply says. Raises ValueError for a reply that is no answer."""
        raw = only(reply)
        match ask:
            case Check():
                return _is_allowed(_parsed(pb.PermissionCheckResponse, raw))
            case LookupEntities():
                return frozenset(_parsed(pb.PermissionLookupEntityResponse, raw).entity_ids)
            case LookupSubjects():
                return frozenset(_parsed(pb.PermissionLookupSubjectResponse, raw).subject_ids)
            case BulkCheck():
                return tuple(_is_allowed(each) for each in _parsed(pb.PermissionBulkCheckResponse, raw).results)
            case Write():
                _parsed(pb.DataWriteResponse, raw)
                return None
            case _:
                assert_never(ask)

    def schema_request(self, schema: str) -> Request:
        """What to send before all else."""
        message = pb.SchemaWriteRequest(tenant_id=self.tenant, schema=schema)
        return Request("/base.v1.Schema/Write", message.SerializeToString())

    def _message(self, ask: Ask) -> tuple[str, Message]:
        match ask:
            case Check():
                return "Permission/Check", pb.PermissionCheckRequest(
                    tenant_id=self.tenant,
                    metadata=pb.PermissionCheckRequestMetadata(depth=DEPTH),
                    entity=_entity(ask.question.entity),
                    permission=ask.question.permission,
                    subject=_subject(ask.question.subject),
                    context=context_to_proto(Context(tuples=ask.context)) if ask.context else None,
                )
            case LookupEntities():
                return "Permission/LookupEntity", pb.PermissionLookupEntityRequest(
                    tenant_id=self.tenant,
                    metadata=pb.PermissionLookupEntityRequestMetadata(depth=DEPTH),
                    entity_type=ask.entity_type,
                    permission=ask.permission,
                    subject=_subject(ask.subject),
                    page_size=_ALL,
                )
            case LookupSubjects():
                return "Permission/LookupSubject", pb.PermissionLookupSubjectRequest(
                    tenant_id=self.tenant,
                    metadata=pb.PermissionLookupSubjectRequestMetadata(depth=DEPTH),
                    entity=_entity(ask.entity),
                    permission=ask.permission,
                    subject_reference=base.RelationReference(type=ask.subject_type),
                    page_size=_ALL,
                )
            case BulkCheck():
                return "Permission/BulkCheck", pb.PermissionBulkCheckRequest(
                    tenant_id=self.tenant,
                    metadata=pb.PermissionCheckRequestMetadata(depth=DEPTH),
                    items=map(_item, ask.questions),
                )
            case Write():
                return "Data/Write", self.write_message(tuples=ask.tuples)
            case _:
                assert_never(ask)

    def write_message(
        self, *, tuples: Sequence[RelationTuple] = (), attributes: Sequence[Attribute] = ()
    ) -> pb.DataWriteRequest:
        """One write."""
        return pb.DataWriteRequest(
            tenant_id=self.tenant,
            metadata=pb.DataWriteRequestMetadata(),
            tuples=map(tuple_to_proto, tuples),
            attributes=map(attribute_to_proto, attributes),
        )


async def load_permify_wire(
    endpoint: PermifyWireEndpoint, dataset: Dataset, database: tuple[PostgresServer, str] | None
) -> None:
    """Fill an empty tenant. database: where it ends up, to be settled; None for a file. Raises CallFailed."""
    first = PermifyWireEndpoint(endpoint.addresses[:1], endpoint.tenant)
    async with first.connected(1) as connection:
        await connection.call(first.schema_request(dataset.schema))
        await store_all(connection, map(first.request, map(Write, batches(dataset.tuples()))), database)
        await store_all(connection, _attribute_writes(first, dataset), database)


def _attribute_writes(endpoint: PermifyWireEndpoint, dataset: Dataset) -> Iterator[Request]:
    for attributes in batches(dataset.attributes()):
        message = endpoint.write_message(attributes=attributes)
        yield Request("/base.v1.Data/Write", message.SerializeToString())


def _item(question: Question) -> pb.PermissionBulkCheckRequestItem:
    return pb.PermissionBulkCheckRequestItem(
        entity=_entity(question.entity), permission=question.permission, subject=_subject(question.subject)
    )


def _entity(entity: EntityRef) -> base.Entity:
    return base.Entity(type=entity.type, id=entity.id)


def _subject(subject: SubjectRef) -> base.Subject:
    return base.Subject(type=subject.type, id=subject.id, relation=subject.relation)


def _is_allowed(answer: pb.PermissionCheckResponse) -> bool:
    if answer.can not in (base.CHECK_RESULT_ALLOWED, base.CHECK_RESULT_DENIED):
        raise ValueError(f"no verdict: {answer}")
    return answer.can == base.CHECK_RESULT_ALLOWED


def _parsed(kind: type[M], raw: bytes) -> M:
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise ValueError(f"no {kind.__name__}: {raw[:40]!r}") from error
