"""The node's background work: collecting garbage from its store."""

from __future__ import annotations

import asyncio

import structlog

from model.errors import AuthzError
from node.settings import GarbageCollection
from storage.base import Storage

log = structlog.get_logger(__name__)


async def collect_garbage_forever(storage: Storage, settings: GarbageCollection) -> None:
    """Collect every ``interval_s`` until cancelled. A pass that fails or takes too long is logged and tried again."""
    while True:
        await asyncio.sleep(settings.interval_s)
        try:
            async with asyncio.timeout(settings.timeout_s):
                report = await storage.collect_garbage(settings.window_s)
        except (AuthzError, TimeoutError) as error:
            log.warning("garbage collection failed", error=str(error) or "took too long")
        else:
            log.info("garbage collected", tuples=report.tuples_removed, attributes=report.attributes_removed)
