"""Running a validation file: its data is loaded into a server, then every assertion is put to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import assert_never

from google.protobuf.message import Message

from cli.answers import CHECK, LOOKUP_ENTITY, LOOKUP_SUBJECT, WRITE_DATA, WRITE_SCHEMA, Answers
from cli.validation_file import Case, CheckCase, EntityFilterCase, SubjectFilterCase, ValidationFile
from cli.validation_requests import (
    check_request,
    data_requests,
    entity_filter_request,
    schema_request,
    subject_filter_request,
)
from model.errors import AuthzError
from proto.base.v1 import base_pb2, service_pb2

Ids = frozenset[str]
Answer = bool | Ids


class Result(Enum):
    """How an assertion ended. BROKEN: the question could not be answered; NOT_CHECKED: the server has no such call."""

    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Assertion:
    """One expected answer: a verdict for checks, ids for filters."""

    scenario: str
    case: Case
    permission: str
    expected: Answer

    @property
    def kind(self) -> str:
        """The key of the case's list in the file."""
        match self.case:
            case CheckCase():
                return "checks"
            case EntityFilterCase():
                return "entity_filters"
            case SubjectFilterCase():
                return "subject_filters"
            case unreachable:
                assert_never(unreachable)

    @property
    def line(self) -> int:
        """Where in the file it stands."""
        return self.case.lines[self.permission]

    @property
    def title(self) -> str:
        """``subject permission entity``, with a type in the place of what is looked for."""
        match self.case:
            case CheckCase(entity=entity, subject=subject):
                return f"{subject} {self.permission} {entity}"
            case EntityFilterCase(entity_type=entity_type, subject=subject):
                return f"{subject} {self.permission} {entity_type}"
            case SubjectFilterCase(entity=entity, subject_reference=reference):
                return f"{reference} {self.permission} {entity}"
            case unreachable:
                assert_never(unreachable)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an assertion. actual: None unless answered; error: why it was not."""

    assertion: Assertion
    result: Result
    actual: Answer | None = None
    error: str = ""


def assertions_of(file: ValidationFile) -> list[Assertion]:
    """All assertions in the order of the file."""
    return [
        Assertion(scenario.name, case, permission, expected)
        for scenario in file.scenarios
        for case in scenario.cases
        for permission, expected in case.assertions.items()
    ]


async def load(server: Answers, file: ValidationFile) -> None:
    """Write the schema, then the data. Raises AuthzError where the server refuses, InvalidSchema for the schema."""
    await server.answer(WRITE_SCHEMA, schema_request(file))
    for request in data_requests(file):
        await server.answer(WRITE_DATA, request)


async def settle(server: Answers, assertion: Assertion) -> Outcome:
    """Put one assertion to the server; what the server cannot answer is an outcome too, never an error."""
    try:
        actual = await _ask(server, assertion)
    except NotImplementedError:
        return Outcome(assertion, Result.NOT_CHECKED, error="this server does not have the call yet")
    except AuthzError as error:
        return Outcome(assertion, Result.BROKEN, error=str(error))
    return Outcome(assertion, Result.PASSED if actual == assertion.expected else Result.FAILED, actual)


async def _ask(server: Answers, assertion: Assertion) -> Answer:
    permission = assertion.permission
    match assertion.case:
        case CheckCase() as case:
            return _is_allowed(await server.answer(CHECK, check_request(case, permission)))
        case EntityFilterCase() as case:
            return await _all_ids(server, LOOKUP_ENTITY, partial(entity_filter_request, case, permission))
        case SubjectFilterCase() as case:
            return await _all_ids(server, LOOKUP_SUBJECT, partial(subject_filter_request, case, permission))
        case unreachable:
            assert_never(unreachable)


def _is_allowed(response: Message) -> bool:
    if not isinstance(response, service_pb2.PermissionCheckResponse):
        raise TypeError(f"a check was answered with {type(response).__name__}")
    return response.can == base_pb2.CHECK_RESULT_ALLOWED


async def _all_ids(server: Answers, method: str, page_request: Callable[[str], Message]) -> Ids:
    """The ids of all pages; page_request makes the request that continues at a token, empty for the first page."""
    ids: set[str] = set()
    token = ""
    while True:
        page = await server.answer(method, page_request(token))
        if isinstance(page, service_pb2.PermissionLookupEntityResponse):
            ids.update(page.entity_ids)
        elif isinstance(page, service_pb2.PermissionLookupSubjectResponse):
            ids.update(page.subject_ids)
        else:
            raise TypeError(f"{method} was answered with {type(page).__name__}")
        if not page.continuous_token:
            return frozenset(ids)
        token = page.continuous_token
