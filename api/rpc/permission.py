"""Permission: may this subject do this to that entity?"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache

from api.convert import arguments_from_proto, context_from_proto, entity_from_proto, subject_from_proto
from api.expansion_form import expansion_to_proto
from api.lookup_pages import cursor_of, page_of, tokens_of
from api.reading import takes
from cluster.invoker.invoker import Invoker
from model.check import CheckAnswer, CheckRequest, PermissionsRequest, Question, Verdict
from model.expand import ExpandRequest
from model.lookup import EntitiesRequest, SubjectsRequest
from proto.base.v1 import base_pb2 as pb
from proto.base.v1.service_pb2 import (
    PermissionBulkCheckRequest,
    PermissionBulkCheckResponse,
    PermissionCheckRequest,
    PermissionCheckResponse,
    PermissionCheckResponseMetadata,
    PermissionExpandRequest,
    PermissionExpandResponse,
    PermissionLookupEntityRequest,
    PermissionLookupEntityResponse,
    PermissionLookupEntityStreamResponse,
    PermissionLookupSubjectRequest,
    PermissionLookupSubjectResponse,
    PermissionSubjectPermissionRequest,
    PermissionSubjectPermissionResponse,
)

DEFAULT_PAGE_SIZE = 1000  # of lookups

_RESULTS = {
    Verdict.ALLOWED: pb.CheckResult.CHECK_RESULT_ALLOWED,
    Verdict.DENIED: pb.CheckResult.CHECK_RESULT_DENIED,
}


def _check_asked(request: PermissionCheckRequest) -> CheckRequest:
    question = Question(
        entity_from_proto(request.entity),
        request.permission,
        subject_from_proto(request.subject),
        arguments_from_proto(request.arguments),
    )
    return _check_request(request, (question,))


class PermissionService:
    """Answers through the invoker."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker

    @takes(_check_asked)
    async def check(self, request: CheckRequest) -> PermissionCheckResponse:
        """One question; raises the error that kept it from being decided."""
        (answer,) = await self._invoker.check(request)
        return _response(answer.verdict(), answer.check_count)

    async def bulk_check(self, request: PermissionBulkCheckRequest) -> PermissionBulkCheckResponse:
        """Up to a hundred questions at one snapshot, answered in order.

        The response has no room for an item's error, so an item that cannot be decided is DENIED with a count of 1.
        What fails all items (storage, an unknown schema) fails the call. Source: reference semantics §4, S-30.
        """
        arguments = arguments_from_proto(request.arguments)
        questions = tuple(
            Question(entity_from_proto(item.entity), item.permission, subject_from_proto(item.subject), arguments)
            for item in request.items
        )
        answers = await self._invoker.check(_check_request(request, questions))
        return PermissionBulkCheckResponse(results=[_item_response(answer) for answer in answers])

    async def subject_permission(
        self, request: PermissionSubjectPermissionRequest
    ) -> PermissionSubjectPermissionResponse:
        """What the subject may do to the entity, by name; raises if a single name cannot be decided."""
        metadata = request.metadata
        answers = await self._invoker.permissions(
            PermissionsRequest(
                tenant=request.tenant_id,
                entity=entity_from_proto(request.entity),
                subject=subject_from_proto(request.subject),
                depth=metadata.depth,
                with_relations=not metadata.only_permission,
                snap_token=metadata.snap_token,
                schema_version=metadata.schema_version,
                context=context_from_proto(request.context),
            )
        )
        results = {name: _RESULTS[answer.verdict()] for name, answer in answers.items()}
        return PermissionSubjectPermissionResponse(results=results)

    async def expand(self, request: PermissionExpandRequest) -> PermissionExpandResponse:
        """How a permission comes about, as a tree."""
        expansion = await self._invoker.expand(
            ExpandRequest(
                tenant=request.tenant_id,
                entity=entity_from_proto(request.entity),
                permission=request.permission,
                snap_token=request.metadata.snap_token,
                schema_version=request.metadata.schema_version,
                context=context_from_proto(request.context),
            )
        )
        return PermissionExpandResponse(tree=expansion_to_proto(expansion))

    async def lookup_entity(self, request: PermissionLookupEntityRequest) -> PermissionLookupEntityResponse:
        """A page of the entities the subject may act on."""
        size = request.page_size or DEFAULT_PAGE_SIZE
        page = await page_of(await self._invoker.entities(_entities_request(request), about=size + 1), size)
        return PermissionLookupEntityResponse(entity_ids=page.ids, continuous_token=page.next_token)

    async def lookup_entity_stream(
        self, request: PermissionLookupEntityRequest
    ) -> AsyncGenerator[PermissionLookupEntityStreamResponse]:
        """The same one by one, each as soon as it is known whether another follows: the last has no token."""
        size = request.page_size or DEFAULT_PAGE_SIZE
        lookup = await self._invoker.entities(_entities_request(request), about=size + 1)
        async with aclosing(tokens_of(lookup, size)) as found:
            async for entity_id, token in found:
                yield PermissionLookupEntityStreamResponse(entity_id=entity_id, continuous_token=token)

    async def lookup_subject(self, request: PermissionLookupSubjectRequest) -> PermissionLookupSubjectResponse:
        """A page of the subjects who may act on the entity."""
        size = request.page_size or DEFAULT_PAGE_SIZE
        cursor = cursor_of(request.continuous_token, request.metadata)
        wanted = SubjectsRequest(
            tenant=request.tenant_id,
            entity=entity_from_proto(request.entity),
            permission=request.permission,
            subject_type=request.subject_reference.type,
            subject_relation=request.subject_reference.relation,
            beyond=cursor.beyond,
            snap_token=cursor.snap_token,
            schema_version=cursor.schema_version,
            context=context_from_proto(request.context),
        )
        page = await page_of(await self._invoker.subjects(wanted, about=size + 1), size)
        return PermissionLookupSubjectResponse(subject_ids=page.ids, continuous_token=page.next_token)


def _entities_request(request: PermissionLookupEntityRequest) -> EntitiesRequest:
    cursor = cursor_of(request.continuous_token, request.metadata)
    return EntitiesRequest(
        tenant=request.tenant_id,
        entity_type=request.entity_type,
        permission=request.permission,
        subject=subject_from_proto(request.subject),
        depth=request.metadata.depth,
        scope={kind: frozenset(ids.data) for kind, ids in request.scope.items()},
        beyond=cursor.beyond,
        snap_token=cursor.snap_token,
        schema_version=cursor.schema_version,
        context=context_from_proto(request.context),
    )


def _check_request(
    request: PermissionCheckRequest | PermissionBulkCheckRequest, questions: tuple[Question, ...]
) -> CheckRequest:
    metadata = request.metadata
    return CheckRequest(
        tenant=request.tenant_id,
        questions=questions,
        depth=metadata.depth,
        snap_token=metadata.snap_token,
        schema_version=metadata.schema_version,
        context=context_from_proto(request.context),
    )


def _item_response(answer: CheckAnswer) -> PermissionCheckResponse:
    if isinstance(answer.outcome, Verdict):
        return _response(answer.outcome, answer.check_count)
    return _response(Verdict.DENIED, 1)


@lru_cache(1_000)
def _response(verdict: Verdict, check_count: int) -> PermissionCheckResponse:
    """Made once for answers that read alike, so never to be changed."""
    metadata = PermissionCheckResponseMetadata(check_count=check_count)
    return PermissionCheckResponse(can=_RESULTS[verdict], metadata=metadata)
