"""The node's background work: collecting garbage from its store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog

from model.errors import AuthzError
from node.background import kept_running
from node.settings import GarbageCollection
from storage.base import Storage

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class CollectionCounts:
    """What collecting has come to since the node started.

    taken_s: of all passes together. succeeded_at_s: when one last did, in Unix time; the start if none has.
    """

    completed: int = 0
    failed: int = 0
    taken_s: float = 0.0
    tuples: int = 0
    attributes: int = 0
    succeeded_at_s: float = field(default_factory=time.time)


@asynccontextmanager
async def garbage_collected(
    storage: Storage, settings: GarbageCollection | None, counts: CollectionCounts
) -> AsyncIterator[None]:
    """While the context lasts, collect every ``interval_s``; None collects never. counts: is kept up to date."""
    if settings is None:
        yield
        return
    async with kept_running(partial(_collect_forever, storage, settings, counts)):
        yield


async def _collect_forever(storage: Storage, settings: GarbageCollection, counts: CollectionCounts) -> None:
    """A pass that fails or takes too long is logged and tried again after the next interval."""
    while True:
        await asyncio.sleep(settings.interval_s)
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(settings.timeout_s):
                report = await storage.collect_garbage(settings.window_s)
        except (AuthzError, TimeoutError) as error:
            counts.failed += 1
            log.warning("garbage collection failed", error=str(error) or "took too long")
        else:
            counts.completed += 1
            counts.tuples += report.tuples_removed
            counts.attributes += report.attributes_removed
            counts.succeeded_at_s = time.time()
            log.info("garbage collected", tuples=report.tuples_removed, attributes=report.attributes_removed)
        counts.taken_s += time.monotonic() - began_s
