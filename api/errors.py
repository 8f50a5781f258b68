"""Error to status: one table, met by every transport.

The message of a status is what the contract promises its clients: the name of the error code where there is one, the
text where there is none. The explanation that quotes the offending value travels beside it, as a status detail.
"""

from __future__ import annotations

from typing import NamedTuple

from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from model.errors import (
    AuthzError,
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    InvalidSchema,
    LimitExceeded,
    NotFound,
    NotServed,
    StorageFailed,
    Unauthenticated,
    Unavailable,
)
from telemetry.calls import current_call

ERROR_DOMAIN = "ringward"
_MOST_EXPLAINED = 1_000  # characters, of up to four bytes each


class EdgeStatus(NamedTuple):
    """How an error looks from outside: the gRPC code and the HTTP status."""

    grpc: StatusCode
    http: int


INVALID = EdgeStatus(StatusCode.INVALID_ARGUMENT, 400)
NOT_FOUND = EdgeStatus(StatusCode.NOT_FOUND, 404)
INTERNAL = EdgeStatus(StatusCode.INTERNAL, 500)

STATUSES: dict[type[AuthzError], EdgeStatus] = {
    AuthzError: INTERNAL,
    InvalidRequest: INVALID,
    Unauthenticated: EdgeStatus(StatusCode.UNAUTHENTICATED, 401),
    NotFound: NOT_FOUND,
    Conflict: INVALID,
    LimitExceeded: EdgeStatus(StatusCode.RESOURCE_EXHAUSTED, 429),
    DeadlineExceeded: EdgeStatus(StatusCode.DEADLINE_EXCEEDED, 504),
    NotServed: EdgeStatus(StatusCode.UNIMPLEMENTED, 501),
    Unavailable: EdgeStatus(StatusCode.UNAVAILABLE, 503),
    StorageFailed: INTERNAL,
}


def status_of(error: AuthzError) -> EdgeStatus:
    """The status of an error: by its type, nearest ancestor first, unless its code belongs to a client's mistake.

    The contract derives the status from the code's number, and some of its codes say 404 for what is a mistake in the
    request (SUBJECT_TYPE_NOT_FOUND, ATTRIBUTE_TYPE_MISMATCH). Who is not known stays unknown whatever the number: the
    contract sends INVALID_KEY, 2022, as 401. Source: reference wire-api §5, §6, W-2.
    """
    if error.code is not None and error.code // 1000 in (2, 4) and not isinstance(error, Unauthenticated):
        return INVALID if error.code // 1000 == 2 else NOT_FOUND
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def code_of(error: Exception) -> StatusCode:
    """The gRPC code a call fails with, whatever it fails with: what is no error of ours is a bug, and INTERNAL."""
    return status_of(error).grpc if isinstance(error, AuthzError) else StatusCode.INTERNAL


def message_of(error: AuthzError) -> str:
    """The status message. Schema errors keep their ``line:col: text`` form. Source: reference wire-api §5, W-1."""
    if isinstance(error, InvalidSchema):
        return shorten(str(error))
    if error.code is None:
        return shorten(explanation_of(error))
    return error.code.wire_name


def explanation_of(error: AuthzError) -> str:
    """What a person needs to mend the request; several lines for a schema error.

    A failing store is the operator's to mend: its text names files, and goes to the log only.
    """
    if isinstance(error, StorageFailed):
        return "the store failed; the log of the node says why"
    return error.explain() if isinstance(error, InvalidSchema) else str(error)


def shorten(text: str) -> str:
    """The text, its middle left out if it is longer than a client takes in trailing metadata (8 KiB in all)."""
    if len(text) <= _MOST_EXPLAINED:
        return text
    return f"{text[: _MOST_EXPLAINED // 2]} … {text[-_MOST_EXPLAINED // 2 :]}"


def rich_status(error: AuthzError) -> Status:
    """The google.rpc.Status of an error: its explanation as an ErrorInfo and, where waiting helps, a RetryInfo."""
    info = ErrorInfo(
        reason=error.code.wire_name if error.code is not None else type(error).__name__,
        domain=ERROR_DOMAIN,
        metadata={"explanation": shorten(explanation_of(error))},
    )
    details = [_packed(info)]
    if isinstance(error, LimitExceeded) and error.retry_after_s is not None:
        retry = RetryInfo()
        retry.retry_delay.FromNanoseconds(round(error.retry_after_s * 1e9))
        details.append(_packed(retry))
    if isinstance(error, StorageFailed):
        details += _where_to_look()
    number: int = status_of(error).grpc.value[0]
    return Status(code=number, message=message_of(error), details=details)


def status_of_bug() -> Status:
    """What a client is told of what is nobody's fault but ours: the id of its request, by which the log tells more."""
    number: int = StatusCode.INTERNAL.value[0]
    return Status(code=number, message="internal error", details=_where_to_look())


def _where_to_look() -> list[PackedAny]:
    """The id by which the log names the call, as a RequestInfo."""
    call = current_call()
    return [_packed(RequestInfo(request_id=call.request_id))] if call and call.request_id else []


def _packed(message: Message) -> PackedAny:
    packed = PackedAny()
    packed.Pack(message)
    return packed
