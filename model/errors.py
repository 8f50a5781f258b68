"""Every error Ringward raises on purpose, and the contract's code for it.

    AuthzError
    ├── InvalidRequest        the caller must change the request
    │   ├── InvalidSchema     … the schema text, at a line and column
    │   ├── DepthExhausted    … or allow a deeper walk
    │   ├── RuleFailed        … or the data a rule was evaluated over
    │   └── SnapshotExpired   … the token: it is older than the horizon
    ├── Unauthenticated       the caller must show who it is
    ├── NotFound              what the request names does not exist
    ├── Conflict              what the request creates exists already
    ├── LimitExceeded         the caller must send less, or later
    ├── DeadlineExceeded      the caller's time ran out
    ├── NotServed             the caller must ask another server, or the operator switch it on
    ├── Unavailable           the caller may try again as it is
    ├── StorageFailed         the operator must act: disk full, file corrupt
    └── Misconfigured         the operator must change what the node is told

The type says whose move it is; the message quotes the offending value; the code, where the contract has one, is what
travels to clients. How each becomes a gRPC and an HTTP status stands in ``api/errors.py``.
"""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """The contract's error codes that Ringward raises. Source: reference wire-api §5."""

    MISSING_BEARER_TOKEN = 1001
    INVALID_AUDIENCE = 1004
    INVALID_CLAIMS = 1005
    INVALID_ISSUER = 1006
    INVALID_BEARER_TOKEN = 1007
    VALIDATION = 2000
    UNDEFINED_RELATION_REFERENCE = 2006
    NOT_SUPPORTED_RELATION_WALK = 2007
    ENTITY_AND_SUBJECT_CANNOT_BE_EQUAL = 2008
    DEPTH_NOT_ENOUGH = 2009
    RELATION_REFERENCE_NOT_FOUND_IN_ENTITY_REFERENCES = 2010
    SCHEMA_PARSE = 2015
    SCHEMA_COMPILE = 2016
    UNIQUE_CONSTRAINT = 2020
    INVALID_CONTINUOUS_TOKEN = 2021
    INVALID_KEY = 2022
    NO_ENTITY_REFERENCES_FOUND_IN_SCHEMA = 2024
    INVALID_ARGUMENT = 2025
    INVALID_RULE_REFERENCE = 2026
    NOT_SUPPORTED_WALK = 2027
    MISSING_ARGUMENT = 2028
    ALREADY_EXIST = 2029
    MAX_DATA_PER_WRITE_EXCEEDED = 2030
    NOT_FOUND = 4000
    SCHEMA_NOT_FOUND = 4003
    SUBJECT_TYPE_NOT_FOUND = 4004
    ENTITY_DEFINITION_NOT_FOUND = 4005
    RELATION_DEFINITION_NOT_FOUND = 4007
    ATTRIBUTE_DEFINITION_NOT_FOUND = 4010
    ATTRIBUTE_TYPE_MISMATCH = 4011
    BUNDLE_NOT_FOUND = 4012
    RULE_DEFINITION_NOT_FOUND = 4013
    ENTITY_STATEMENT_NOT_FOUND = 4014
    REFERENCE_NOT_FOUND = 4015
    INTERNAL = 5000
    EXECUTION = 5005
    ERROR_MAX_RETRIES = 5009
    NOT_IMPLEMENTED = 5012
    DATASTORE = 5013
    CANNOT_CONVERT_TO_ENTITY_STATEMENT = 5016

    @property
    def wire_name(self) -> str:
        """The name clients see, ``ERROR_CODE_…``."""
        return f"ERROR_CODE_{self.name}"


class AuthzError(Exception):
    """The root of the tree. ``str(error)`` explains and quotes the offending value; ``code`` may be None."""

    def __init__(self, message: str, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.code = code


class InvalidRequest(AuthzError):
    """The request cannot be served as it is, whatever the state of the data."""


class InvalidSchema(InvalidRequest):
    """Schema text that does not parse or compile.

    line and column are 1-based and point at the offending character. ``str(error)`` is the contract's one-line form
    ``line:col: message``; ``explain()`` adds the source line, a caret and what would have been accepted there.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int,
        column: int,
        code: ErrorCode,
        source_line: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(f"{line}:{column}: {message}", code)
        self.line = line
        self.column = column
        self.source_line = source_line
        self.hint = hint

    def explain(self) -> str:
        """Several lines for a person: the message, the source line with a caret under the fault, and the hint."""
        caret = "".join("\t" if c == "\t" else " " for c in self.source_line[: self.column - 1]) + "^"
        lines = [str(self), f"  | {self.source_line}", f"  | {caret}", self.hint and f"  {self.hint}"]
        return "\n".join(line for line in lines if line)


class DepthExhausted(InvalidRequest):
    """The walk needed more levels than the request allows; never a denial."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ErrorCode.DEPTH_NOT_ENOUGH)


class RuleFailed(InvalidRequest):
    """A rule could not be evaluated over the attributes and context it was given."""


class SnapshotExpired(InvalidRequest):
    """The snapshot is older than the horizon: its history may have been collected, so nothing is answered at it."""


class Unauthenticated(AuthzError):
    """The caller has not shown a token that opens the door."""


class NotFound(AuthzError):
    """What the request names does not exist."""


class Conflict(AuthzError):
    """What the request wants to create exists already."""


class LimitExceeded(AuthzError):
    """The request is larger, or comes faster, than the node accepts.

    retry_after_s: after how long the same request may be accepted; None if waiting changes nothing.
    """

    def __init__(self, message: str, code: ErrorCode | None = None, *, retry_after_s: float | None = None) -> None:
        super().__init__(message, code)
        self.retry_after_s = retry_after_s


class DeadlineExceeded(AuthzError):
    """The caller's time ran out before the answer was known."""


class NotServed(AuthzError):
    """What is asked for is switched off on this node."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ErrorCode.NOT_IMPLEMENTED)


class Unavailable(AuthzError):
    """A part needed for the answer cannot be reached now; the same request may succeed later."""


class StorageFailed(AuthzError):
    """The store cannot do its work until somebody acts: a full disk, a corrupt file, a missing permission."""


class Misconfigured(AuthzError):
    """What the node is told cannot work, as shows when it is tried: a key that is not the certificate's, say."""
