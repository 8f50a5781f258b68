"""How much disk tuples take in PostgreSQL, table by table and index by index.

Run ``python -m bench.postgres_sizes [--size 1000000]``. The drive-like load is copied in transactions of 500 tuples
with all indexes in place, in the order of the load, as writes would leave them; then the indexes are built anew, which
is how small they can get. Each figure is also that of 10⁹ such tuples, in GiB.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import asyncpg

from bench.machine import machine
from bench.workload import DriveWorkload
from model.tuples import RelationTuple
from storage.postgres.connecting import open_connection
from storage.postgres.migrating import Migrations
from storage.postgres.settings import PostgresSettings
from tests.support.postgres import postgres_server

BATCH = 500
BILLION = 1_000_000_000
_TABLES = ("tuples", "transactions")

_SIZES = """
SELECT relname AS name, pg_total_relation_size(c.oid) - pg_indexes_size(c.oid) AS bytes
FROM pg_class c WHERE relnamespace = 'ringward'::regnamespace AND relname = ANY ($1)
UNION ALL
SELECT i.relname, pg_relation_size(i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = 'ringward'::regnamespace AND t.relname = ANY ($1)
ORDER BY name
"""


class Size(NamedTuple):
    """What one table or index takes."""

    name: str
    bytes: int


async def measure(uri: str, size: int) -> tuple[int, Sequence[Size], Sequence[Size]]:
    """How many tuples were loaded, and the sizes as written and after building all indexes anew."""
    connect = partial(open_connection, PostgresSettings(uri))
    await Migrations(connect).up()
    connection = await connect()
    try:
        tuples = await _load(connection, DriveWorkload(size))
        await connection.execute("VACUUM ANALYZE ringward.tuples")
        written = await _sizes(connection)
        await connection.execute("REINDEX SCHEMA ringward")
        return tuples, written, await _sizes(connection)
    finally:
        await connection.close()


async def _load(connection: asyncpg.Connection, workload: DriveWorkload) -> int:
    rows, loaded = workload.tuples(), 0
    while batch := list(islice(rows, BATCH)):
        async with connection.transaction():
            await connection.execute("INSERT INTO ringward.transactions (tenant) VALUES ('t1')")
            await connection.copy_records_to_table(
                "tuples",
                schema_name="ringward",
                columns=("tenant", *RelationTuple._fields),
                records=[("t1", *row) for row in batch],
            )
        loaded += len(batch)
    return loaded


async def _sizes(connection: asyncpg.Connection) -> Sequence[Size]:
    return [Size(row["name"], row["bytes"]) for row in await connection.fetch(_SIZES, list(_TABLES))]


def _report(tuples: int, written: Sequence[Size], rebuilt: Sequence[Size]) -> None:
    print(f"\n{tuples} tuples\n\n| | bytes per tuple | rebuilt | GiB for 10⁹ |\n|--|--|--|--|")
    totals = (Size("all", sum(size.bytes for size in sizes)) for sizes in (written, rebuilt))
    for as_written, anew in [*zip(written, rebuilt, strict=True), tuple(totals)]:
        each, each_anew = as_written.bytes / tuples, anew.bytes / tuples
        print(f"| {as_written.name} | {each:.1f} | {each_anew:.1f} | {each * BILLION / 2**30:.0f} |")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    size = parser.parse_args().size
    print(machine())
    with postgres_server(shared_buffers="256MB", max_wal_size="4GB", maintenance_work_mem="256MB") as server:
        _report(*asyncio.run(measure(server.uri(), size)))


if __name__ == "__main__":
    main()
