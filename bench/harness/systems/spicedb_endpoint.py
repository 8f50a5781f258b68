"""How SpiceDB is asked: its own API over gRPC, every answer at exact freshness unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, TypeVar, assert_never

from google.protobuf.message import DecodeError, Message

from bench.harness.ports import (
    Answer,
    Ask,
    BulkCheck,
    Check,
    Connection,
    LookupEntities,
    LookupSubjects,
    Reply,
    Request,
    Write,
)
from bench.harness.systems.authzed_types import v1
from bench.harness.systems.grpc_calls import grpc_connected
from bench.harness.systems.replies import check_of, only
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

PERMISSIONS = "/authzed.api.v1.PermissionsService/"
SCHEMAS = "/authzed.api.v1.SchemaService/"

_STREAMING = frozenset({f"{PERMISSIONS}LookupResources", f"{PERMISSIONS}LookupSubjects"})
_HAS = v1.CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION
_HAS_NOT = v1.CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class SpiceDbEndpoint:
    """A server and the key it asks for."""

    addresses: Sequence[str]
    key: str
    transport: Literal["grpc", "http"] = "grpc"

    @property
    def headers(self) -> Mapping[str, str]:
        """The key."""
        return {"authorization": f"Bearer {self.key}"}

    def connected(self, connections: int) -> AbstractAsyncContextManager[Connection]:
        """So many connections."""
        return grpc_connected(self.addresses, connections, streaming=_STREAMING, headers=self.headers)

    def request(self, ask: Ask) -> Request:
        """The ask as one call. Raises ValueError for contextual tuples."""
        method, message = _message(ask)
        timed = not (isinstance(ask, Write) and ask.aside)
        return Request(f"{PERMISSIONS}{method}", message.SerializeToString(), check_of(self, ask), timed)

    def answer(self, ask: Ask, reply: Reply) -> Answer:
        """What the reply says. Raises ValueError for a reply that is no answer."""
        match ask:
            case Check():
                return _is_allowed(_parsed(v1.CheckPermissionResponse, only(reply)).permissionship)
            case LookupEntities():
                return frozenset(_parsed(v1.LookupResourcesResponse, each).resource_object_id for each in reply)
            case LookupSubjects():
                found = (_parsed(v1.LookupSubjectsResponse, each) for each in reply)
                return frozenset(each.subject.subject_object_id for each in found)
            case BulkCheck():
                pairs = _parsed(v1.CheckBulkPermissionsResponse, only(reply)).pairs
                return tuple(_is_allowed(pair.item.permissionship) for pair in pairs)
            case Write():
                _parsed(v1.WriteRelationshipsResponse, only(reply))
                return None
            case _:
                assert_never(ask)

    def schema_request(self, schema: str) -> Request:
        """What to send before relationships. schema: in SpiceDB's language."""
        return Request(f"{SCHEMAS}WriteSchema", v1.WriteSchemaRequest(schema=schema).SerializeToString())

    def forgetting(self, entity_type: str) -> Request:
        """What deletes all relationships of entities of a type."""
        message = v1.DeleteRelationshipsRequest(relationship_filter=v1.RelationshipFilter(resource_type=entity_type))
        return Request(f"{PERMISSIONS}DeleteRelationships", message.SerializeToString())


def _message(ask: Ask) -> tuple[str, Message]:
    exact = v1.Consistency(fully_consistent=True)
    match ask:
        case Check(question, context):
            if context:
                raise ValueError("SpiceDB has no contextual tuples")
            return "CheckPermission", v1.CheckPermissionRequest(
                consistency=exact,
                resource=_object(question.entity),
                permission=question.permission,
                subject=_subject(question.subject),
            )
        case LookupEntities(entity_type, permission, subject):
            return "LookupResources", v1.LookupResourcesRequest(
                consistency=exact,
                resource_object_type=entity_type,
                permission=permission,
                subject=_subject(subject),
            )
        case LookupSubjects(entity, permission, subject_type):
            return "LookupSubjects", v1.LookupSubjectsRequest(
                consistency=exact,
                resource=_object(entity),
                permission=permission,
                subject_object_type=subject_type,
            )
        case BulkCheck(questions):
            items = map(_item, questions)
            return "CheckBulkPermissions", v1.CheckBulkPermissionsRequest(consistency=exact, items=items)
        case Write(tuples):
            return "WriteRelationships", v1.WriteRelationshipsRequest(updates=map(_touch, tuples))
        case _:
            assert_never(ask)


def _item(question: Question) -> v1.CheckBulkPermissionsRequestItem:
    return v1.CheckBulkPermissionsRequestItem(
        resource=_object(question.entity), permission=question.permission, subject=_subject(question.subject)
    )


def _touch(row: RelationTuple) -> v1.RelationshipUpdate:
    return v1.RelationshipUpdate(
        operation=v1.RelationshipUpdate.OPERATION_TOUCH,
        relationship=v1.Relationship(
            resource=_object(row.entity), relation=row.relation, subject=_subject(row.subject)
        ),
    )


def _object(entity: EntityRef) -> v1.ObjectReference:
    return v1.ObjectReference(object_type=entity.type, object_id=entity.id)


def _subject(subject: SubjectRef) -> v1.SubjectReference:
    entity = v1.ObjectReference(object_type=subject.type, object_id=subject.id)
    return v1.SubjectReference(object=entity, optional_relation=subject.relation)


def _is_allowed(permissionship: int) -> bool:
    if permissionship not in (_HAS, _HAS_NOT):
        raise ValueError(f"no verdict: permissionship {permissionship}")
    return permissionship == _HAS


def _parsed(kind: type[M], raw: bytes) -> M:
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise ValueError(f"no {kind.__name__}: {raw[:40]!r}") from error
