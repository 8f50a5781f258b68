"""Errors as HTTP: the status, the headers that tell a client what to do, and a google.rpc.Status as the body."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from api.errors import rich_status, status_of, status_of_bug
from api.rest.json_form import print_json, to_object
from model.errors import AuthzError, LimitExceeded, StorageFailed, Unauthenticated

log = structlog.get_logger(__name__)


class Refusal(NamedTuple):
    """What a client is told instead of an answer. content: ``{"code": …, "message": …, "details": […]}``."""

    http_status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, error: Exception, rpc: str) -> Refusal:
        """The refusal for an error. What is nobody's fault but ours is logged, and shown without its traceback."""
        if not isinstance(error, AuthzError):
            log.exception("call failed", method=rpc, exc_info=error)
            return cls(500, to_object(status_of_bug()), {})
        if isinstance(error, StorageFailed):
            log.error("the store failed", method=rpc, error=str(error))
        return cls(status_of(error).http, to_object(rich_status(error)), _headers(error))

    @classmethod
    def plain(cls, http_status: int, code: StatusCode, message: str) -> Refusal:
        """A refusal without an explanation."""
        number: int = code.value[0]
        return cls(http_status, to_object(Status(code=number, message=message)), {})

    @property
    def body(self) -> bytes:
        """The content, ready to be sent."""
        return print_json(self.content)

    @property
    def line(self) -> bytes:
        """The content as the line that ends a stream."""
        return print_json({"error": self.content}) + b"\n"


def _headers(error: AuthzError) -> Mapping[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, LimitExceeded) and error.retry_after_s is not None:
        return {"Retry-After": str(math.ceil(error.retry_after_s))}
    return {}
