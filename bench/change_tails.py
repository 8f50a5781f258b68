"""What it costs a node and its database to hear a tenant's news, by how many writes there were since the last time.

Run ``python -m bench.change_tails``; half a minute. One node's store and heads in this process, over PostgreSQL; each
write is a tuple in a transaction of its own. CPU is that of the process and of the database, from /proc.
"""

from __future__ import annotations

import asyncio
import os

from bench.machine import machine
from bench.processes import cpu_s, family
from cluster.invoker.heads import Heads
from model.tuples import RelationTuple
from storage.base import Changeset
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.support.postgres import PostgresServer, migrate, postgres_server

TENANT = "bench"
READINGS = 200
WRITES = (0, 1, 10, 100)


async def measure(database: PostgresServer) -> None:
    """Print the cost of a reading, after no write and after some."""
    migrate(database.uri())
    writing, reading = [await PostgresStorage.open(PostgresSettings(database.uri())) for _ in range(2)]
    await writing.write_schema(TENANT, "entity user {}")
    heads = Heads(reading)
    await heads.latest(TENANT)
    number = 0
    print(f"{machine()}\n\n| writes since the last reading | node + database, µs CPU |\n|--:|--:|")
    for writes in WRITES:
        node_s = database_s = 0.0
        for _ in range(READINGS if writes < 100 else READINGS // 4):
            for _ in range(writes):
                number += 1
                await writing.write(TENANT, [Changeset([RelationTuple("doc", f"d{number}", "viewer", "user", "ann")])])
            before = _cpu_s(database)
            for _ in range(1 if writes else 10):
                await heads.latest(TENANT)
            after = _cpu_s(database)
            node_s, database_s = node_s + after[0] - before[0], database_s + after[1] - before[1]
        readings = READINGS * 10 if not writes else READINGS if writes < 100 else READINGS // 4
        print(f"| {writes} | {node_s / readings * 1e6:.0f} + {database_s / readings * 1e6:.0f} |", flush=True)
    for store in (writing, reading):
        await store.close()


def _cpu_s(database: PostgresServer) -> tuple[float, float]:
    return cpu_s([os.getpid()]), cpu_s(family(database.pid))


def main() -> None:
    """The command line."""
    with postgres_server() as database:
        asyncio.run(measure(database))


if __name__ == "__main__":
    main()
