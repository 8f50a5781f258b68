"""Our errors as messages between nodes, and back: class, text, code and whatever else a class carries, all of it.

An error of a class that is not in the table travels as the nearest of its ancestors that is.
"""

from __future__ import annotations

from model.errors import (
    AuthzError,
    Conflict,
    DeadlineExceeded,
    DepthExhausted,
    ErrorCode,
    InvalidRequest,
    InvalidSchema,
    LimitExceeded,
    Misconfigured,
    NotFound,
    NotServed,
    RuleFailed,
    SnapshotExpired,
    StorageFailed,
    Unauthenticated,
    Unavailable,
)
from proto.dispatch.v1 import dispatch_pb2 as pb

KINDS: dict[str, type[AuthzError]] = {
    "AuthzError": AuthzError,
    "Conflict": Conflict,
    "DeadlineExceeded": DeadlineExceeded,
    "DepthExhausted": DepthExhausted,
    "InvalidRequest": InvalidRequest,
    "InvalidSchema": InvalidSchema,
    "LimitExceeded": LimitExceeded,
    "Misconfigured": Misconfigured,
    "NotFound": NotFound,
    "NotServed": NotServed,
    "RuleFailed": RuleFailed,
    "SnapshotExpired": SnapshotExpired,
    "StorageFailed": StorageFailed,
    "Unauthenticated": Unauthenticated,
    "Unavailable": Unavailable,
}
"""The names errors have on the wire. A class may be renamed, a name may not."""

_NAMES = {kind: name for name, kind in KINDS.items()}
_CODES = {code.value: code for code in ErrorCode}


def error_to_proto(error: AuthzError) -> pb.Error:
    """The message of an error. What its text has that is no Unicode is replaced."""
    kind = next(ancestor for ancestor in type(error).__mro__ if ancestor in _NAMES)
    message = pb.Error(kind=_NAMES[kind], message=_sound(str(error)), code=error.code or 0)
    if isinstance(error, LimitExceeded) and error.retry_after_s is not None:
        message.retry_after_s = error.retry_after_s
    if isinstance(error, InvalidSchema):
        message.place.line, message.place.column = error.line, error.column
        message.place.source_line, message.place.hint = _sound(error.source_line), _sound(error.hint)
    return message


def error_from_proto(message: pb.Error) -> AuthzError:
    """The error. One of a kind that only newer nodes know says that the peer could not answer, and is Unavailable."""
    kind = KINDS.get(message.kind, Unavailable)
    code = _CODES.get(message.code)
    if kind is InvalidSchema:
        return _schema_error(message, code)
    if kind is LimitExceeded:
        retry_after_s = message.retry_after_s if message.HasField("retry_after_s") else None
        return LimitExceeded(message.message, code, retry_after_s=retry_after_s)
    if kind is DepthExhausted or kind is NotServed:  # their code is always the same
        return kind(message.message)
    return kind(message.message, code)


def _schema_error(message: pb.Error, code: ErrorCode | None) -> InvalidSchema:
    place = message.place
    return InvalidSchema(
        message.message.removeprefix(f"{place.line}:{place.column}: "),
        line=place.line,
        column=place.column,
        code=code or ErrorCode.SCHEMA_PARSE,
        source_line=place.source_line,
        hint=place.hint,
    )


def _sound(text: str) -> str:
    return text.encode(errors="replace").decode()
