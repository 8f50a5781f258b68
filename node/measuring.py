"""Whether a node is measured, and what of it. Prometheus' client is loaded only for one that is."""
# ruff: noqa: PLC0415 - what only those pay for who are measured

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.entrance import Entrance
from api.health import Health
from api.host import GrpcListener
from api.tls import ListenerTls
from cluster.watch.tails import Tails
from node.answering import Answering
from node.cluster import Cluster
from node.exporting import Outbounds, metrics_sent
from node.housekeeping import CollectionCounts
from node.settings import NodeSettings
from storage.base import Storage

if TYPE_CHECKING:
    from node.metrics.measurements import Measurements


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a node is measured. tls: of encrypted listeners, by what they speak."""

    storage: Storage
    answering: Answering
    entrance: Entrance
    tails: Tails[Any]
    collections: CollectionCounts
    health: Health
    host: GrpcListener
    tls: Mapping[str, ListenerTls]
    cluster: Cluster | None
    outbounds: Outbounds


def measurements_of(settings: NodeSettings) -> Measurements | None:
    """What is filled on the way; None if nobody will look."""
    if settings.operations is None and settings.telemetry.metrics is None:
        return None
    from node.metrics.measurements import Measurements

    return Measurements(is_traced=settings.telemetry.traces is not None)


@asynccontextmanager
async def measuring(measured: Measurements | None, parts: Parts, settings: NodeSettings) -> AsyncIterator[None]:
    """While the context lasts, measure the parts, if they are to be, and have them sent where the settings say."""
    if measured is None:
        yield
        return
    from node.metrics.catalogue import declare_all, lag_of

    declare_all(measured, parts, settings)
    async with (
        measured.running(parts.health, lag_of(parts.storage, settings)),
        metrics_sent(settings.telemetry, measured.metrics.families, parts.outbounds),
    ):
        yield
