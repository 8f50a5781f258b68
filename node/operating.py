"""What operators are served beside clients, from before the store is opened until all else has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from api.health import Health
from api.operations.host import OperationsHost
from node.settings import NodeSettings

if TYPE_CHECKING:
    from node.metrics.measurements import Measurements

log = structlog.get_logger(__name__)

_GRACE_S = 1.0


@asynccontextmanager
async def operations_served(
    settings: NodeSettings, health: Health, measured: Measurements | None
) -> AsyncIterator[str]:
    """Metrics and health while the context lasts, and where: empty for nowhere.

    Raises Unavailable, naming the setting, if the port cannot be listened on.
    """
    if settings.operations is None or measured is None:
        yield ""
        return
    host = OperationsHost(health, measured.metrics.text, settings.operations, host=settings.host)
    await host.start()
    log.info("metrics and health are served", at=host.url)
    try:
        yield host.url
    finally:
        await host.stop(_GRACE_S)


@asynccontextmanager
async def profiles_served(settings: NodeSettings) -> AsyncIterator[str]:
    """Profiles while the context lasts, and where, as ``operations_served``."""
    if settings.profiler is None:
        yield ""
        return
    from api.operations.profiler_host import ProfilerHost  # noqa: PLC0415 - what measures is loaded where it is wanted

    host = ProfilerHost(settings.profiler, host=settings.host)
    await host.start()
    log.info("profiles are served", at=f"{host.url}/debug/pprof/")
    try:
        yield host.url
    finally:
        await host.stop(_GRACE_S)
