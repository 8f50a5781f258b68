"""Loops that run beside the listeners: each has an owner, and ends with what it serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def kept_running(*loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """While the context lasts, run the loops; a loop may end by itself, and none may fail.

    An error of the context's body comes out as it is, not in a group.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(loop)) for loop in loops]
        try:
            yield
        except Exception as error:
            failure = error
        finally:
            for task in tasks:
                task.cancel()
    if failure is not None:
        raise failure


async def _run(loop: Callable[[], Awaitable[None]]) -> None:
    await loop()
