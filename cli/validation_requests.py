"""Validation cases as requests of the wire contract, all for one tenant."""

from __future__ import annotations

from collections.abc import Iterator

from api.convert import attribute_to_proto, context_to_proto, tuple_to_proto
from cli.validation_file import CheckCase, EntityFilterCase, SubjectFilterCase, ValidationFile
from model.check import NO_CONTEXT, Context
from model.tuples import EntityRef, SubjectRef
from proto.base.v1 import base_pb2, service_pb2

TENANT = "t1"
_MOST_PER_WRITE = 1000


def schema_request(file: ValidationFile) -> service_pb2.SchemaWriteRequest:
    """Write the file's schema."""
    return service_pb2.SchemaWriteRequest(tenant_id=TENANT, schema=file.schema)


def data_requests(file: ValidationFile) -> Iterator[service_pb2.DataWriteRequest]:
    """Write the file's data in pieces as large as a server takes; none if there is no data."""
    tuples = [tuple_to_proto(item) for item in file.relationships]
    attributes = [attribute_to_proto(item) for item in file.attributes]
    for start in range(0, len(tuples), _MOST_PER_WRITE):
        yield _data_request(tuples=tuples[start : start + _MOST_PER_WRITE])
    for start in range(0, len(attributes), _MOST_PER_WRITE):
        yield _data_request(attributes=attributes[start : start + _MOST_PER_WRITE])


def check_request(case: CheckCase, permission: str) -> service_pb2.PermissionCheckRequest:
    """Ask for one permission of a check case."""
    return service_pb2.PermissionCheckRequest(
        tenant_id=TENANT,
        metadata=service_pb2.PermissionCheckRequestMetadata(depth=case.depth),
        entity=_entity(case.entity),
        permission=permission,
        subject=_subject(case.subject),
        context=_context(case.context),
    )


def entity_filter_request(
    case: EntityFilterCase, permission: str, continuous_token: str
) -> service_pb2.PermissionLookupEntityRequest:
    """Ask for one page of the entities of a case."""
    return service_pb2.PermissionLookupEntityRequest(
        tenant_id=TENANT,
        metadata=service_pb2.PermissionLookupEntityRequestMetadata(depth=case.depth),
        entity_type=case.entity_type,
        permission=permission,
        subject=_subject(case.subject),
        context=_context(case.context),
        continuous_token=continuous_token,
    )


def subject_filter_request(
    case: SubjectFilterCase, permission: str, continuous_token: str
) -> service_pb2.PermissionLookupSubjectRequest:
    """Ask for one page of the subjects of a case."""
    reference = case.subject_reference
    return service_pb2.PermissionLookupSubjectRequest(
        tenant_id=TENANT,
        metadata=service_pb2.PermissionLookupSubjectRequestMetadata(depth=case.depth),
        entity=_entity(case.entity),
        permission=permission,
        subject_reference=base_pb2.RelationReference(type=reference.type, relation=reference.relation),
        context=_context(case.context),
        continuous_token=continuous_token,
    )


def _data_request(
    tuples: list[base_pb2.Tuple] | None = None, attributes: list[base_pb2.Attribute] | None = None
) -> service_pb2.DataWriteRequest:
    return service_pb2.DataWriteRequest(
        tenant_id=TENANT,
        metadata=service_pb2.DataWriteRequestMetadata(),
        tuples=tuples,
        attributes=attributes,
    )


def _entity(entity: EntityRef) -> base_pb2.Entity:
    return base_pb2.Entity(type=entity.type, id=entity.id)


def _subject(subject: SubjectRef) -> base_pb2.Subject:
    return base_pb2.Subject(type=subject.type, id=subject.id, relation=subject.relation)


def _context(context: Context) -> base_pb2.Context | None:
    """The context, or nothing where the case has none, as most clients would leave it out."""
    return None if context == NO_CONTEXT else context_to_proto(context)
