"""The node's background work: collecting garbage from its store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from model.errors import AuthzError
from node.background import kept_running
from node.settings import GarbageCollection
from storage.base import Storage

log = structlog.get_logger(__name__)


@asynccontextmanager
async def garbage_collected(storage: Storage, settings: GarbageCollection | None) -> AsyncIterator[None]:
    """While the context lasts, collect every ``interval_s``; None collects never."""
    if settings is None:
        yield
        return
    async with kept_running(partial(_collect_forever, storage, settings)):
        yield


async def _collect_forever(storage: Storage, settings: GarbageCollection) -> None:
    """A pass that fails or takes too long is logged and tried again after the next interval."""
    while True:
        await asyncio.sleep(settings.interval_s)
        try:
            async with asyncio.timeout(settings.timeout_s):
                report = await storage.collect_garbage(settings.window_s)
        except (AuthzError, TimeoutError) as error:
            log.warning("garbage collection failed", error=str(error) or "took too long")
        else:
            log.info("garbage collected", tuples=report.tuples_removed, attributes=report.attributes_removed)
