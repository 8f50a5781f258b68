"""Storing a whole dataset: in batches, some at a time, none kept longer than it takes to send it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

from bench.harness.ports import CallFailed, Connection, Request
from bench.harness.systems.database import settle
from bench.postgres_server import PostgresServer

BATCH = 500
WRITERS = 4
EARLY = 4
"""After so many batches a database is settled for the first time."""

T = TypeVar("T")


def batches(rows: Iterator[T], size: int = BATCH) -> Iterator[tuple[T, ...]]:
    """The rows in order, so many at a time; the last may be fewer."""
    while batch := tuple(islice(rows, size)):
        yield batch


async def store_all(
    connection: Connection, requests: Iterator[Request], database: tuple[PostgresServer, str] | None
) -> None:
    """Send all, and settle the database they end up in, if it is ours to settle. Raises CallFailed.

    It is settled early, too. What a server prepares while its tables are empty is planned for empty tables, until they
    are analysed; the bench database has no autovacuum to do that, and each batch would take longer than the last.
    """
    for some in (islice(requests, EARLY), requests):
        await send_all(connection, some)
        if database is not None:
            await asyncio.to_thread(settle, *database)


async def send_all(connection: Connection, requests: Iterator[Request]) -> None:
    """Send all, ``WRITERS`` at a time. Raises CallFailed for the first that fails, and sends no more."""

    async def send_some() -> None:
        for request in requests:
            await connection.call(request)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(send_some())
    except* CallFailed as failed:
        raise failed.exceptions[0] from None
