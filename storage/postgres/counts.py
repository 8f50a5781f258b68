"""What a store over PostgreSQL has counted since it was opened, and how it stands now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """One pool. used, idle, waiting: connections and requests now. most: connections there may be.

    opened: connections. uses: how often one was given out. waits and waited_s: how many had to wait for one first, and
    for how long together. refused: who got none, since too many were waiting or none became free in time.
    """

    used: int
    idle: int
    most: int
    waiting: int
    opened: int
    uses: int
    waits: int
    waited_s: float
    refused: int


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """The store. pools: ``writer``, and ``reader`` if there is a replica.

    head_reads and head_reads_s: statements that read heads, and how long they took together.
    replica_answered, replica_behind, replica_failed: statements tried on the replica, by what came of them.
    """

    pools: Mapping[str, PoolCounts]
    head_reads: int
    head_reads_s: float
    replica_answered: int
    replica_behind: int
    replica_failed: int
