"""How OpenFGA is asked: JSON over HTTP, which is what its SDK sends.

The bodies are made here and not by the SDK, whose objects copy its whole configuration each; a test holds them equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from bench.harness.ports import (
    Answer,
    Ask,
    BulkCheck,
    Check,
    LookupEntities,
    LookupSubjects,
    Reply,
    Request,
    Write,
)
from bench.harness.systems.http_calls import HttpConnection, http_connected
from bench.harness.systems.replies import check_of, only
from model.check import Question
from model.tuples import RelationTuple


@dataclass(frozen=True, slots=True)
class OpenFgaEndpoint:
    """A store of a server, and the model it is asked by."""

    addresses: Sequence[str]
    store: str
    model: str
    transport: Literal["grpc", "http"] = "http"

    @property
    def headers(self) -> Mapping[str, str]:
        """What the bodies are."""
        return {"content-type": "application/json"}

    def connected(self, connections: int) -> AbstractAsyncContextManager[HttpConnection]:  # noqa: ARG002 - as needed
        """A session, with as many connections as requests are in flight."""
        return http_connected(self.addresses[0], self.headers)

    def request(self, ask: Ask) -> Request:
        """The ask as one call."""
        path, body = _body(ask)
        encoded = json.dumps({**body, "authorization_model_id": self.model}).encode()
        timed = not (isinstance(ask, Write) and ask.aside)
        return Request(f"/stores/{self.store}/{path}", encoded, check_of(self, ask), timed)

    def answer(self, ask: Ask, reply: Reply) -> Answer:
        """What the reply says. Raises ValueError for a reply that is no answer."""
        try:
            return _answer(ask, json.loads(only(reply)))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no answer: {reply[0][:80]!r}") from error


def _body(ask: Ask) -> tuple[str, dict[str, Any]]:
    match ask:
        case Check():
            context = {"contextual_tuples": _keys(ask.context)} if ask.context else {}
            return "check", {"tuple_key": _question_key(ask.question), **context}
        case LookupEntities():
            return "list-objects", {"type": ask.entity_type, "relation": ask.permission, "user": str(ask.subject)}
        case LookupSubjects():
            entity = {"type": ask.entity.type, "id": ask.entity.id}
            users = [{"type": ask.subject_type}]
            return "list-users", {"object": entity, "relation": ask.permission, "user_filters": users}
        case BulkCheck():
            checks = [
                {"tuple_key": _question_key(question), "correlation_id": str(number)}
                for number, question in enumerate(ask.questions)
            ]
            return "batch-check", {"checks": checks}
        case Write():
            return "write", {"writes": {**_keys(ask.tuples), "on_duplicate": "ignore"}}
        case _:
            assert_never(ask)


def _answer(ask: Ask, found: Any) -> Answer:
    match ask:
        case Check():
            return bool(found["allowed"])
        case LookupEntities():
            return frozenset(name.partition(":")[2] for name in found["objects"])
        case LookupSubjects():
            return frozenset(user["object"]["id"] for user in found["users"])
        case BulkCheck():
            return tuple(bool(found["result"][str(number)]["allowed"]) for number in range(len(ask.questions)))
        case Write():
            return None
        case _:
            assert_never(ask)


def _question_key(question: Question) -> dict[str, str]:
    return {"object": str(question.entity), "relation": question.permission, "user": str(question.subject)}


def _keys(tuples: Sequence[RelationTuple]) -> dict[str, list[dict[str, str]]]:
    keys = [{"object": str(row.entity), "relation": row.relation, "user": str(row.subject)} for row in tuples]
    return {"tuple_keys": keys}
