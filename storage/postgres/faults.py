"""Driver errors become ours here, in our words; the driver's own stay in the log as their cause."""

from __future__ import annotations

import ssl

import asyncpg

from model.errors import AuthzError, ErrorCode, InvalidRequest, StorageFailed, Unavailable

FOREIGN_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,  # TimeoutError is one
    UnicodeEncodeError,
)
"""What using a connection can raise that is not ours."""

LOST_CONNECTION = (
    asyncpg.PostgresConnectionError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # a farewell of the server that came between two statements confuses the driver
    ConnectionError,
)
"""What a statement raises on a connection whose other end is gone; another connection may do."""

_REFUSALS: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.CharacterNotInRepertoireError, "text with a NUL character cannot be stored"),
    (asyncpg.UntranslatableCharacterError, "text with a NUL character cannot be stored"),
    (asyncpg.ProgramLimitExceededError, "the names of a tuple or attribute are too long together to be stored"),
)

_FAILURES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.DiskFullError, "has no space left on its disk; free some, nothing was written"),
    (asyncpg.UndefinedTableError, "lacks tables of this version; run `ringward migrate up`"),
    (asyncpg.UndefinedColumnError, "has tables of another version; run `ringward migrate up`"),
    (asyncpg.InvalidSchemaNameError, "has no tables; run `ringward migrate up`"),
    (asyncpg.InsufficientPrivilegeError, "refuses its user; grant it what docs/scaling.md lists"),
    (asyncpg.InvalidAuthorizationSpecificationError, "refuses the user or the password in its URI"),
    (asyncpg.InvalidPasswordError, "refuses the user or the password in its URI"),
    (asyncpg.InvalidCatalogNameError, "does not have the database named in its URI"),
    (ssl.SSLCertVerificationError, "shows a certificate that its URI does not let us trust"),
    (asyncpg.DataCorruptedError, "is damaged; restore it from a backup"),
    (asyncpg.IndexCorruptedError, "is damaged; rebuild its indexes or restore it from a backup"),
)

_OUTAGES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.TooManyConnectionsError, "has no connection left"),
    (asyncpg.CannotConnectNowError, "is starting or stopping"),
    (asyncpg.ReadOnlySQLTransactionError, "is read-only: a standby, or a primary told to be"),
    (asyncpg.QueryCanceledError, "ended the statement before it was done"),
    (asyncpg.InsufficientResourcesError, "lacks memory or another resource"),
    (asyncpg.OperatorInterventionError, "was interrupted by its operator"),
    (asyncpg.TransactionRollbackError, "is changing the same data for others"),
    (asyncpg.LockNotAvailableError, "is changing the same data for others"),
    (TimeoutError, "does not answer in time"),
    (asyncpg.IdleInTransactionSessionTimeoutError, "broke the connection"),
    (asyncpg.PostgresConnectionError, "broke the connection"),
    (asyncpg.InterfaceError, "broke the connection"),
    (asyncpg.InternalClientError, "broke the connection"),
    (OSError, "cannot be reached"),
)


def fault_of(error: BaseException, *, place: str, code: ErrorCode) -> AuthzError:
    """Our error for a foreign one, to be raised from it.

    place names the store in the message. Text the database cannot hold is the caller's to change; what may be gone at
    the next attempt is Unavailable; everything else waits for the operator.
    """
    for text_error in (error, error.__cause__):  # the driver wraps it for most arguments
        if isinstance(text_error, UnicodeEncodeError):
            return InvalidRequest(f"{text_error.object[:200]!r} is not valid Unicode text", ErrorCode.VALIDATION)
    for kind, text in _REFUSALS:
        if isinstance(error, kind):
            return InvalidRequest(text, ErrorCode.VALIDATION)
    for kind, text in _FAILURES:
        if isinstance(error, kind):
            return StorageFailed(f"the store {place} {text}", code)
    for kind, text in _OUTAGES:
        if isinstance(error, kind):
            return Unavailable(f"the store {place} {text}", code)
    return StorageFailed(f"the store {place} failed; the log tells more", code)
