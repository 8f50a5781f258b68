"""A group of tasks for contexts: what goes wrong in the body is told as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup that lasts as long as the context. Errors of its tasks come out in a group, the body's own does not.

    Whoever starts a task that does not end by itself cancels it before the context ends.
    """
    error_of_body: Exception | None = None
    async with asyncio.TaskGroup() as group:
        try:
            yield group
        except Exception as error:
            error_of_body = error
    if error_of_body is not None:
        raise error_of_body
