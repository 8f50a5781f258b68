"""Running a validation file: what is sent, and what becomes of each assertion."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.message import Message

from cli.answers import CHECK, LOOKUP_ENTITY, LOOKUP_SUBJECT, WRITE_DATA, WRITE_SCHEMA
from cli.documents import Document
from cli.validation_file import ValidationFile
from cli.validation_reader import read_validation_file
from cli.validation_run import Result, assertions_of, load, settle
from model.attributes import Attribute
from model.errors import NotFound
from model.tuples import RelationTuple
from proto.base.v1 import base_pb2, service_pb2


class ScriptedServer:
    """Answers methods by script and remembers the requests; a method without script does not exist."""

    def __init__(self, script: dict[str, Callable[[Message], Message]]) -> None:
        self._script = script
        self.requests: list[tuple[str, Message]] = []

    async def answer(self, method: str, request: Message) -> Message:
        self.requests.append((method, request))
        if method not in self._script:
            raise NotImplementedError(method)
        return self._script[method](request)


def file_of(scenarios: str) -> ValidationFile:
    return read_validation_file(Document("f", f"schema: 'entity user {{}}'\nscenarios: [{scenarios}]"))


CHECKS = file_of(
    "{name: s, checks: [{entity: doc:1, subject: group:2#member, depth: 7,"
    " context: {tuples: ['doc:1#viewer@user:3'], attributes: ['doc:1$open|boolean:true'], data: {hour: 9}},"
    " assertions: {view: true, edit: false}}]}"
)
FILTERS = file_of(
    "{entity_filters: [{entity_type: doc, subject: user:3, assertions: {view: ['1', '2']}}],"
    " subject_filters: [{entity: doc:1, subject_reference: group#member, assertions: {view: ['1']}}]}"
)


def allow(_request: Message) -> Message:
    return service_pb2.PermissionCheckResponse(can=base_pb2.CHECK_RESULT_ALLOWED)


async def test_schema_comes_first_and_data_follows_in_pieces_a_server_takes() -> None:
    ok: dict[str, Callable[[Message], Message]] = {
        WRITE_SCHEMA: lambda _: service_pb2.SchemaWriteResponse(),
        WRITE_DATA: lambda _: service_pb2.DataWriteResponse(),
    }
    server = ScriptedServer(ok)
    tuples = tuple(RelationTuple("doc", str(number), "viewer", "user", "1") for number in range(2500))
    attributes = (Attribute.parse("doc:1$open|boolean:true"),)
    await load(server, ValidationFile("entity user {}", tuples, attributes, ()))

    assert [method for method, _ in server.requests] == [WRITE_SCHEMA, *[WRITE_DATA] * 4]
    writes = [request for _, request in server.requests if isinstance(request, service_pb2.DataWriteRequest)]
    assert [len(write.tuples) for write in writes] == [1000, 1000, 500, 0]
    assert [len(write.attributes) for write in writes] == [0, 0, 0, 1]
    assert all(write.HasField("metadata") for write in writes)


async def test_a_check_is_asked_with_all_that_the_case_says() -> None:
    server = ScriptedServer({CHECK: allow})
    passed, failed = [await settle(server, assertion) for assertion in assertions_of(CHECKS)]

    assert (passed.result, passed.assertion.title) == (Result.PASSED, "group:2#member view doc:1")
    assert (failed.result, failed.actual) == (Result.FAILED, True)
    _, request = server.requests[0]
    assert isinstance(request, service_pb2.PermissionCheckRequest)
    assert (request.entity.type, request.entity.id, request.permission) == ("doc", "1", "view")
    assert (request.subject.type, request.subject.id, request.subject.relation) == ("group", "2", "member")
    assert request.metadata.depth == 7
    assert request.context.tuples[0].subject.id == "3"
    assert request.context.attributes[0].attribute == "open"
    assert request.context.data["hour"] == 9


async def test_filters_read_all_pages_and_compare_without_order() -> None:
    def entities(request: Message) -> Message:
        assert isinstance(request, service_pb2.PermissionLookupEntityRequest)
        if request.continuous_token:
            return service_pb2.PermissionLookupEntityResponse(entity_ids=["1"])
        return service_pb2.PermissionLookupEntityResponse(entity_ids=["2"], continuous_token="more")

    def subjects(request: Message) -> Message:
        assert isinstance(request, service_pb2.PermissionLookupSubjectRequest)
        assert (request.subject_reference.type, request.subject_reference.relation) == ("group", "member")
        return service_pb2.PermissionLookupSubjectResponse(subject_ids=["9"])

    server = ScriptedServer({LOOKUP_ENTITY: entities, LOOKUP_SUBJECT: subjects})
    by_entity, by_subject = [await settle(server, assertion) for assertion in assertions_of(FILTERS)]

    assert (by_entity.result, by_entity.assertion.title) == (Result.PASSED, "user:3 view doc")
    assert (by_subject.result, by_subject.actual) == (Result.FAILED, frozenset({"9"}))


async def test_what_the_server_does_not_have_is_not_checked_rather_than_passed() -> None:
    outcomes = [await settle(ScriptedServer({}), assertion) for assertion in assertions_of(FILTERS)]
    assert [outcome.result for outcome in outcomes] == [Result.NOT_CHECKED, Result.NOT_CHECKED]


async def test_an_error_is_neither_allowed_nor_denied() -> None:
    def fail(_request: Message) -> Message:
        raise NotFound("no permission 'view'")

    outcomes = [await settle(ScriptedServer({CHECK: fail}), assertion) for assertion in assertions_of(CHECKS)]
    assert [outcome.result for outcome in outcomes] == [Result.BROKEN, Result.BROKEN]
    assert outcomes[0].error == "no permission 'view'"


async def test_an_answer_of_another_kind_is_a_bug() -> None:
    server = ScriptedServer({CHECK: lambda _: base_pb2.Entity(), LOOKUP_ENTITY: lambda _: base_pb2.Entity()})
    for file in (CHECKS, FILTERS):
        with pytest.raises(TypeError, match="answered with Entity"):
            await settle(server, assertions_of(file)[0])
