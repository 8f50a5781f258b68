"""A server on loopback that behaves as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(conversation: Conversation) -> AsyncIterator[int]:
    """Its port. Each client is spoken to so; it is hung up on when there is no more to say, or the context ends."""
    group = asyncio.TaskGroup()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                await conversation(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaking.append(group.create_task(speak(reader, writer)))

    speaking: list[asyncio.Task[None]] = []
    async with group:
        server = await asyncio.start_server(start, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in speaking:
                task.cancel()
