"""Loops that run beside the listeners: each has an owner, and ends with what it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cluster.task_group import task_group


@asynccontextmanager
async def kept_running(*loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """While the context lasts, run the loops; a loop may end by itself, and none may fail."""
    async with task_group() as group:
        tasks = [group.create_task(_run(loop)) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _run(loop: Callable[[], Awaitable[None]]) -> None:
    await loop()
