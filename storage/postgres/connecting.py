"""One connection outside the pools, for work done before serving: waiting for the server, migrating, repairing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from model.errors import ErrorCode, Misconfigured, Unavailable
from storage.postgres.addresses import place_of
from storage.postgres.faults import FOREIGN_ERRORS, fault_of
from storage.postgres.readiness import has_current_tables
from storage.postgres.settings import PostgresSettings

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


async def open_connection(settings: PostgresSettings) -> asyncpg.Connection:
    """A connection to the writer, which works behind a pooler too; the caller closes it.

    Raises Unavailable if the server cannot be reached now, StorageFailed if it refuses us, Misconfigured if the address
    has options that cannot be.
    """
    try:
        return await asyncpg.connect(settings.writer_uri, timeout=settings.connect_timeout_s, statement_cache_size=0)
    except ValueError as error:  # the driver's reading of the address; its text may quote a part of the password
        is_told = isinstance(error, asyncpg.exceptions.ClientConfigurationError)
        raise Misconfigured(f"the address of the database cannot be read{f': {error}' if is_told else ''}") from error
    except FOREIGN_ERRORS as error:
        raise fault_of(error, place=place_of(settings.writer_uri), code=ErrorCode.DATASTORE) from error


async def is_migrated(settings: PostgresSettings) -> bool:
    """True if the tables are of this version. Raises as ``open_connection``."""
    connection = await open_connection(settings)
    try:
        return await has_current_tables(connection.fetch)
    except FOREIGN_ERRORS as error:
        raise fault_of(error, place=place_of(settings.writer_uri), code=ErrorCode.DATASTORE) from error
    finally:
        await connection.close(timeout=settings.connect_timeout_s)


async def wait_for_server(
    settings: PostgresSettings, patience_s: float, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Return once the writer lets us in; what starts together with its database may be there first.

    Tries again after pauses that double. Raises as ``open_connection``; Unavailable only after ``patience_s``.
    """
    waited_s, pause_s = 0.0, _FIRST_PAUSE_S
    while True:
        try:
            connection = await open_connection(settings)
        except Unavailable as error:
            if waited_s >= patience_s:
                raise
            log.warning("waiting for the database", reason=str(error), waited_s=round(waited_s, 1))
            await pause(pause_s)
            waited_s += pause_s
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            await connection.close()
            return
