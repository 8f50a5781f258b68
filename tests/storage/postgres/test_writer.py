"""Write transactions: who waits for whom, what is tried again, and what becomes of a commit whose answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from model.errors import ErrorCode, LimitExceeded, Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Changeset, TupleFilter
from storage.postgres.locks import TAKE, locks_on_keys
from storage.postgres.pools import Pool
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from storage.postgres.writer import Writer
from tests.conformance.examples import head_of, tuples, tuples_at

TIMEOUT_S = 10.0
_ONE = [Changeset(tuples("doc:1#viewer@user:1"))]


@pytest.fixture
async def raw(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own."""
    opened = await asyncpg.connect(database)
    yield opened
    await opened.close()


class Pauses(list[float]):
    """Notes how long each pause would be."""

    async def __call__(self, pause_s: float) -> None:
        self.append(pause_s)


def writer_of(pool: Pool, pauses: Pauses, *, told: list[str] | None = None, max_retries: int = 4) -> Writer:
    settings = PostgresSettings("", most_connections=4, most_waiting=2, max_retries=max_retries)
    announced = told if told is not None else []
    return Writer(pool, settings, announce=announced.append, pause=pauses, chance=lambda: 0.5)


async def stored(raw: asyncpg.Connection) -> list[str]:
    return [row[0] for row in await raw.fetch("SELECT subject_id FROM ringward.tuples ORDER BY id")]


async def comes_to_nothing(raw: asyncpg.Connection, query: str) -> None:
    """Return once a count is 0; what a caller left who was cancelled is cleaned up behind him."""
    async with asyncio.timeout(TIMEOUT_S):
        while await raw.fetchval(query):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def waiting_for_locks(raw: asyncpg.Connection, count: int) -> None:
    """Return once so many of our backends wait for an advisory lock; none of them may have a transaction id yet."""
    query = "SELECT backend_xid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
    async with asyncio.timeout(TIMEOUT_S):
        while len(rows := await raw.fetch(query)) < count:  # noqa: ASYNC110 - nothing tells when a lock is waited for
            await asyncio.sleep(0.01)
    assert [row[0] for row in rows] == [None] * count


# --- who waits for whom ---


async def test_a_writer_gets_its_id_after_those_it_has_to_do_with_have_committed(
    store: PostgresStorage, database: str, raw: asyncpg.Connection
) -> None:
    holding = await asyncpg.connect(database)
    transaction = holding.transaction()
    await transaction.start()
    await holding.execute(TAKE, *locks_on_keys("t1", _ONE))
    async with asyncio.TaskGroup() as group:
        same = group.create_task(store.write("t1", _ONE))
        filtered = group.create_task(store.delete("t1", TupleFilter(), None))
        await waiting_for_locks(raw, 2)
        elsewhere = await store.write("other", _ONE)  # nobody waits for the writers of another tenant
        await transaction.rollback()
    await holding.close()
    assert min(same.result().xmax, filtered.result().xmax) > elsewhere.xmax


async def test_a_snapshot_sees_all_that_its_transaction_waited_for(store: PostgresStorage) -> None:
    """Writers of one key: whoever comes later by id sees everybody before, in any order they are told."""

    async def write(name: int) -> list[Snapshot]:
        changes = Changeset(tuples("doc:1#viewer@user:1"), (), tuples("doc:1#viewer@user:1") if name % 2 else ())
        return [await store.write("t1", [changes]) for _ in range(10)]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(write(name)) for name in range(8)]
    snapshots = sorted((one for task in tasks for one in task.result()), key=lambda one: one.xmax)
    ids = [one.xmax - 1 for one in snapshots]
    assert all(all(one.sees(xid) for xid in ids[: place + 1]) for place, one in enumerate(snapshots))
    assert len(set(ids)) == 80


async def test_many_writers_of_many_keys_at_once_neither_deadlock_nor_lose_anything(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    rows = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(40)]

    async def write(name: int) -> None:
        for i in range(6):
            part = rows[i * 3 :] if name % 2 else rows[::-1][i * 3 :]
            await store.write("t1", [Changeset(part, (), part[:5]), Changeset(part[:3])])

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for name in range(8):
            group.create_task(write(name))
    await store.write("t1", [Changeset(rows)])
    assert len(await tuples_at(store, await head_of(store))) == 40
    assert await raw.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0


async def test_writers_who_wait_for_each_other_leave_connections_for_reading_the_head(
    database: str, raw: asyncpg.Connection
) -> None:
    store = await PostgresStorage.open(PostgresSettings(database, most_connections=4, acquire_timeout_s=0.5))
    transaction = raw.transaction()
    await transaction.start()
    await raw.execute(TAKE, *locks_on_keys("t1", _ONE))
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        writes = [group.create_task(store.write("t1", _ONE)) for _ in range(20)]
        for _ in range(20):
            await store.head("t1")
        assert not any(write.done() for write in writes)
        await transaction.rollback()
    await store.close()


async def test_no_more_than_so_many_wait_for_their_turn(pool: Pool, raw: asyncpg.Connection) -> None:
    writer = writer_of(pool, Pauses())  # two at once, two waiting
    transaction = raw.transaction()
    await transaction.start()
    await raw.execute(TAKE, *locks_on_keys("t1", _ONE))
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(writer.write("t1", _ONE))
        await asyncio.sleep(0)
        with pytest.raises(LimitExceeded):
            await writer.write("t1", _ONE)
        await transaction.rollback()
    await writer.write("t1", _ONE)


# --- what is tried again ---


async def fail_writes(raw: asyncpg.Connection, *, times: int, state: str, when: str = "BEFORE") -> None:
    """Have the database refuse so many transactions that go on record, in the middle or while they commit."""
    await raw.execute(f"""
        CREATE SEQUENCE attempts;
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('attempts') <= {times} THEN RAISE EXCEPTION 'again' USING ERRCODE = '{state}'; END IF;
            RETURN NEW;
        END $$;
        CREATE CONSTRAINT TRIGGER failing AFTER INSERT ON ringward.transactions
            {"DEFERRABLE INITIALLY DEFERRED" if when == "COMMIT" else ""} FOR EACH ROW EXECUTE FUNCTION fail();
    """)


@pytest.mark.parametrize("when", ["BEFORE", "COMMIT"])
@pytest.mark.parametrize("state", ["40001", "40P01", "23505"])
async def test_a_write_that_met_another_is_tried_again_after_growing_pauses(
    pool: Pool, raw: asyncpg.Connection, state: str, when: str
) -> None:
    await fail_writes(raw, times=3, state=state, when=when)
    pauses, told = Pauses(), list[str]()
    snapshot = await writer_of(pool, pauses, told=told).write("t1", _ONE)
    assert pauses == [0.04, 0.08, 0.16]
    assert told == ["t1"]
    assert [row[0] for row in await raw.fetch("SELECT id FROM ringward.transactions")] == [snapshot.xmax - 1]
    assert await stored(raw) == ["1"]


async def test_attempts_end_with_an_error_that_says_so(pool: Pool, raw: asyncpg.Connection) -> None:
    await fail_writes(raw, times=100, state="40001")
    pauses, told = Pauses(), list[str]()
    with pytest.raises(Unavailable, match="8 times") as caught:
        await writer_of(pool, pauses, told=told, max_retries=7).write("t1", _ONE)
    assert caught.value.code == ErrorCode.ERROR_MAX_RETRIES
    assert pauses == [0.04, 0.08, 0.16, 0.32, 0.64, 0.64, 0.64]
    assert (await stored(raw), told) == ([], [])


async def test_other_errors_are_not_tried_again(pool: Pool, raw: asyncpg.Connection) -> None:
    await fail_writes(raw, times=100, state="53200")
    pauses = Pauses()
    with pytest.raises(Unavailable, match="memory"):
        await writer_of(pool, pauses).write("t1", _ONE)
    assert pauses == []
    assert await stored(raw) == []


async def test_connections_that_died_while_idle_are_replaced_without_an_error(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    await store.write("t1", _ONE)
    await raw.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:2"))])
    assert await stored(raw) == ["1", "2"]


# --- a commit whose answer is lost ---


class Wire:
    """Stands between a pool and the server; the next COMMIT is lost on the way there, or its answer on the way back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.loses: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.TaskGroup() as group:
                answers = group.create_task(self._carry(up_reader, writer))
                while chunk := await reader.read(65536):
                    if b"COMMIT\0" in chunk and self.loses:
                        answers.cancel()
                        await asyncio.wait([answers])
                        if self.loses == "answer":
                            up_writer.write(chunk)
                            await up_reader.read(65536)
                        self.loses = ""
                        break
                    up_writer.write(chunk)
                answers.cancel()
        finally:
            writer.close()
            up_writer.close()

    @staticmethod
    async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(65536):
            target.write(chunk)


@asynccontextmanager
async def behind_wire(uri: str) -> AsyncIterator[tuple[Wire, Pool]]:
    address, _, name = uri.rpartition("/")
    wire = Wire(int(address.rpartition(":")[2]))
    async with await asyncio.start_server(wire.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        through = f"postgresql://postgres@127.0.0.1:{port}/{name}?sslmode=disable"
        pool = await Pool.open(through, place="PostgreSQL", settings=PostgresSettings(through))
        try:
            yield wire, pool
        finally:
            await pool.close()


@pytest.mark.parametrize("loses", ["answer", "commit"])
async def test_a_write_whose_connection_is_lost_while_it_commits_is_applied_once(
    database: str, raw: asyncpg.Connection, loses: str
) -> None:
    async with behind_wire(database) as (wire, pool):
        writer = writer_of(pool, Pauses())
        wire.loses = loses
        snapshot = await writer.write("t1", _ONE)
    records = [row[0] for row in await raw.fetch("SELECT id FROM ringward.transactions")]
    assert records == [snapshot.xmax - 1]
    assert await stored(raw) == ["1"]


async def test_who_cannot_learn_what_became_of_a_commit_is_told_so(database: str, raw: asyncpg.Connection) -> None:
    """The row a transaction leaves is gone, as after a collection, so nothing tells whether it was ours."""
    await raw.execute("""
        CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            DELETE FROM ringward.transactions; RETURN NEW;
        END $$;
        CREATE CONSTRAINT TRIGGER forgetting AFTER INSERT ON ringward.transactions
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION forget();
    """)
    pauses, told = Pauses(), list[str]()
    async with behind_wire(database) as (wire, pool):
        wire.loses = "answer"
        with pytest.raises(Unavailable, match="may or may not"):
            await writer_of(pool, pauses, told=told).write("t1", _ONE)
    assert (len(pauses), told) == (7, [])
    assert await stored(raw) == ["1"]


async def test_what_is_not_on_record_is_not_done_twice(database: str) -> None:
    async with behind_wire(database) as (wire, pool):
        wire.loses = "answer"
        runs = 0

        async def work(connection: asyncpg.Connection) -> None:
            nonlocal runs
            runs += 1
            await connection.execute("INSERT INTO ringward.tenants VALUES ('a', '')")

        with pytest.raises(Unavailable, match="may or may not"):
            await writer_of(pool, Pauses()).run(work)
    assert runs == 1


# --- callers who leave ---


async def test_a_write_cancelled_anywhere_is_whole_or_absent_and_leaves_no_transaction_open(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    outcomes: set[int] = set()
    for turns in (*range(0, 40, 2), 60, 100):
        pair = [RelationTuple("doc", str(turns), "viewer", "user", name) for name in "ab"]
        task = asyncio.create_task(store.write("t1", [Changeset(pair)]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await store.write("t1", [])
        await comes_to_nothing(raw, open_ones)
        outcomes.add(await raw.fetchval("SELECT count(*) FROM ringward.tuples WHERE entity_id = $1", str(turns)))
    assert outcomes <= {0, 2}
    assert 0 in outcomes


async def test_a_writer_cancelled_while_it_waits_for_others_lets_go_of_everything(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    transaction = raw.transaction()
    await transaction.start()
    await raw.execute(TAKE, *locks_on_keys("t1", _ONE))
    task = asyncio.create_task(store.delete("t1", TupleFilter(), None))
    await waiting_for_locks(raw, 1)
    task.cancel()
    await asyncio.wait([task])
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    await comes_to_nothing(raw, locks)
    await transaction.rollback()
    await store.write("t1", _ONE)
