"""What a node can be told; every field has a safe default. ``cli/config.py`` fills it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class DatabaseEngine(Enum):
    """Which store holds the data. MEMORY is the SQLite store without a file: everything is lost at exit."""

    SQLITE = "sqlite"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class GarbageCollection:
    """When history is removed. Off, it grows with every change.

    window_s: how long old snap tokens stay readable; longer costs disk. interval_s: pause between passes.
    timeout_s: the most one pass may take.
    """

    window_s: float
    interval_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The store. path matters to SQLITE alone; its folder is created if missing.

    max_data_per_write: tuples and attributes together in one write call.
    """

    engine: DatabaseEngine = DatabaseEngine.MEMORY
    path: Path = Path("ringward.db")
    max_data_per_write: int = 1000
    garbage_collection: GarbageCollection | None = None


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A whole node. host empty means every interface; port 0 picks a free one.

    max_message_bytes bounds one inbound message. schema_cache_entries: compiled schema versions kept in memory, a few
    hundred kilobytes each. grace_s: how long running calls may go on once the node is told to stop.
    """

    host: str = ""
    grpc_port: int = 3478
    max_message_bytes: int = 4 * 1024 * 1024
    schema_cache_entries: int = 1000
    grace_s: float = 10.0
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
