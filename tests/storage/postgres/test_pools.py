"""Who may use a connection, for how long, and that it is whole afterwards whatever happened to its user."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import asyncpg
import pytest

from model.errors import AuthzError, ErrorCode, InvalidRequest, LimitExceeded, StorageFailed, Unavailable
from storage.postgres.connections import Connections
from storage.postgres.pools import Pool
from storage.postgres.settings import PostgresSettings
from tests.support.eventually import eventually

SLEEP = "SELECT pg_sleep($1)"


async def running(pool: Pool) -> int:
    """How many statements run on the server beside this one, connections in a transaction included."""
    ((count,),) = await pool.fetch(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state <> 'idle'"
    )
    return int(count)


async def until_nothing_runs(pool: Pool) -> None:
    """Neither on the server, nor by a connection of ours that is still being brought back."""

    async def nothing_runs() -> bool:
        return await running(pool) == 0 and "0 in use" in repr(pool)

    await eventually(nothing_runs)


async def holding(pool: Pool, *, many: int, group: asyncio.TaskGroup, let_go: asyncio.Event) -> None:
    """Have so many transactions open until the event is set; returns once they are."""
    begun = asyncio.Semaphore(0)

    async def hold() -> None:
        async with pool.transaction():
            begun.release()
            await let_go.wait()

    for _ in range(many):
        group.create_task(hold())
    for _ in range(many):
        await begun.acquire()


# --- statements and transactions ---


async def test_a_statement_gives_its_rows(pool: Pool) -> None:
    assert [tuple(row) for row in await pool.fetch("SELECT n, n * $1::int FROM generate_series(1, 2) n", 3)] == [
        (1, 3),
        (2, 6),
    ]


async def test_a_transaction_commits_at_its_end_and_not_before(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await connection.execute("INSERT INTO ringward.tenants (id, name) VALUES ('new', 'x')")
        assert await pool.fetch("SELECT 1 FROM ringward.tenants WHERE id = 'new'") == []
    assert len(await pool.fetch("SELECT 1 FROM ringward.tenants WHERE id = 'new'")) == 1


@pytest.mark.parametrize("error", [ValueError("x"), InvalidRequest("x")])
async def test_an_error_in_a_transaction_undoes_it_and_is_passed_on(pool: Pool, error: Exception) -> None:
    async def fail() -> None:
        async with pool.transaction() as connection:
            await connection.execute("INSERT INTO ringward.tenants (id, name) VALUES ('new', 'x')")
            raise error

    with pytest.raises(type(error)) as caught:
        await fail()
    assert caught.value is error
    assert await pool.fetch("SELECT 1 FROM ringward.tenants WHERE id = 'new'") == []
    assert await running(pool) == 0


async def test_a_driver_error_in_a_transaction_becomes_ours_and_keeps_its_cause(pool: Pool) -> None:
    with pytest.raises(StorageFailed) as caught:
        async with pool.transaction() as connection:
            await connection.execute("INSERT INTO ringward.tenants (id, name) VALUES ('t1', 'there already')")
    assert isinstance(caught.value.__cause__, asyncpg.UniqueViolationError)
    assert caught.value.code is ErrorCode.DATASTORE


async def test_a_failed_statement_leaves_its_connection_usable(pool: Pool) -> None:
    pids = set()
    for _ in range(3):
        with pytest.raises(StorageFailed, match="failed; the log tells more"):
            await pool.fetch("SELECT 1 / 0")
        pids |= {row[0] for row in await pool.fetch("SELECT pg_backend_pid()")}
    assert len(pids) == 1


# --- admission ---


async def test_connections_are_opened_when_needed_and_never_more_than_allowed(pool: Pool) -> None:
    let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        assert "0 in use, 1 idle" in repr(pool)
        await holding(pool, many=5, group=group, let_go=let_go)
        waiting = group.create_task(pool.fetch("SELECT 1"))
        await asyncio.sleep(0.05)
        assert "5 in use, 0 idle, 1 waiting" in repr(pool)
        assert not waiting.done()
        let_go.set()
    assert waiting.result()[0][0] == 1
    assert "0 in use, 5 idle, 0 waiting" in repr(pool)


async def test_beyond_those_who_may_wait_everybody_is_refused_at_once(pool: Pool) -> None:
    let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        await holding(pool, many=5, group=group, let_go=let_go)
        waiting = [group.create_task(pool.fetch("SELECT 1")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(LimitExceeded, match="3 requests are waiting") as caught:
            await pool.fetch("SELECT 1")
        assert caught.value.retry_after_s == 1.0
        let_go.set()
    assert len([task.result() for task in waiting]) == 3


async def test_waiting_for_a_connection_ends_as_unavailable(pool: Pool) -> None:
    let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        await holding(pool, many=5, group=group, let_go=let_go)
        with pytest.raises(Unavailable, match="became free in time"):
            await pool.fetch("SELECT 1")
        let_go.set()
    assert await pool.fetch("SELECT 1")


async def test_those_who_leave_the_queue_make_room_in_it(pool: Pool) -> None:
    let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        await holding(pool, many=5, group=group, let_go=let_go)
        for _ in range(10):
            leaving = [asyncio.create_task(pool.fetch("SELECT 1")) for _ in range(3)]
            await asyncio.sleep(0)
            for task in leaving:
                task.cancel()
            await asyncio.wait(leaving)
        staying = group.create_task(pool.fetch("SELECT 1"))
        await asyncio.sleep(0)
        let_go.set()
    assert staying.result()


# --- callers who leave ---


async def test_a_cancelled_statement_is_cancelled_on_the_server_and_its_connection_used_again(pool: Pool) -> None:
    ((pid,),) = await pool.fetch("SELECT pg_backend_pid()")
    task = asyncio.create_task(pool.fetch(SLEEP, 60))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task], timeout=2)
    assert task.cancelled()
    await until_nothing_runs(pool)
    assert "0 in use, 1 idle" in repr(pool) or "0 in use, 2 idle" in repr(pool)
    ((lives,),) = await pool.fetch("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid)
    assert lives == 1


async def test_five_hundred_cancelled_statements_leave_a_usable_pool(database: str) -> None:
    settings = PostgresSettings(database, most_connections=5)
    pool = await Pool.open(database, place="PostgreSQL", settings=settings)
    for round_ in range(50):
        tasks = [asyncio.create_task(pool.fetch(SLEEP, 60)) for _ in range(10)]
        await asyncio.sleep(0.0005 * round_)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        answers = [group.create_task(pool.fetch("SELECT $1::int", n)) for n in range(100)]
    assert [task.result()[0][0] for task in answers] == list(range(100))
    await until_nothing_runs(pool)
    assert "0 in use" in repr(pool)
    await pool.close()


async def test_a_transaction_cancelled_at_any_await_happens_whole_or_not_at_all(pool: Pool) -> None:
    async def write(name: str) -> None:
        async with pool.transaction() as connection:
            for part in ("a", "b"):
                await connection.execute("INSERT INTO ringward.tenants (id, name) VALUES ($1, '')", f"{name}{part}")

    outcomes = set()
    for turns in range(60):
        task = asyncio.create_task(write(f"n{turns}"))
        for _ in range(turns):
            await asyncio.sleep(0.0002 if turns > 20 else 0)
        task.cancel()
        await asyncio.wait([task])
        found = await pool.fetch("SELECT 1 FROM ringward.tenants WHERE id IN ($1, $2)", f"n{turns}a", f"n{turns}b")
        assert len(found) in {0, 2}
        assert len(found) == 2 or task.cancelled()
        outcomes.add((task.cancelled(), len(found)))
    assert {(True, 0), (False, 2)} <= outcomes
    await until_nothing_runs(pool)
    assert "0 in use" in repr(pool)


async def test_cancelled_twice_a_statement_still_ends_on_the_server(pool: Pool) -> None:
    async def sleep() -> None:
        async with pool.transaction() as connection:
            await connection.execute("SELECT pg_sleep(60)")

    for _ in range(10):
        task = asyncio.create_task(sleep())
        await asyncio.sleep(0.03)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=2)
        assert task.cancelled()
    await until_nothing_runs(pool)
    assert "0 in use" in repr(pool)


async def test_a_statement_over_its_time_is_cancelled_and_fails_as_unavailable(database: str) -> None:
    settings = PostgresSettings(database, statement_timeout_s=0.1)
    pool = await Pool.open(database, place="PostgreSQL", settings=settings)
    with pytest.raises(Unavailable, match="does not answer in time"):
        await pool.fetch(SLEEP, 60)
    with pytest.raises(Unavailable, match="does not answer in time"):
        async with pool.transaction() as connection:
            await connection.execute("SELECT pg_sleep(60)")
    assert await running(pool) == 0
    await pool.close()


# --- connections that age ---


async def test_a_connection_beyond_its_lifetime_is_replaced(database: str) -> None:
    settings = PostgresSettings(database, lifetime_s=0.0, lifetime_jitter_s=0.0)
    pool = await Pool.open(database, place="PostgreSQL", settings=settings)
    pids = [(await pool.fetch("SELECT pg_backend_pid()"))[0][0] for _ in range(3)]
    assert len(set(pids)) == 3
    await pool.close()


async def test_connections_nobody_uses_are_closed_down_to_the_least_number(database: str) -> None:
    settings = PostgresSettings(database, idle_s=0.2, least_connections=2)
    pool = await Pool.open(database, place="PostgreSQL", settings=settings)
    assert "2 idle" in repr(pool)
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(pool.fetch(SLEEP, 0.05))
    assert "6 idle" in repr(pool)

    async def two_are_left() -> bool:
        return "2 idle" in repr(pool)

    await eventually(two_are_left)
    assert await pool.fetch("SELECT 1")
    await pool.close()


async def test_a_connection_killed_by_the_operator_costs_a_reader_nothing(pool: Pool) -> None:
    ((pid,),) = await pool.fetch("SELECT pg_backend_pid()")
    reading = asyncio.create_task(pool.fetch("SELECT pg_backend_pid(), pg_sleep(0.3)"))
    await asyncio.sleep(0.1)
    await pool.fetch("SELECT pg_terminate_backend($1)", pid)
    assert (await reading)[0][0] != pid


async def test_a_transaction_whose_connection_is_killed_fails_and_is_not_tried_again(pool: Pool) -> None:
    entered = 0

    async def write() -> None:
        nonlocal entered
        async with pool.transaction() as connection:
            entered += 1
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await connection.execute("INSERT INTO ringward.tenants (id, name) VALUES ('new', '')")
            await pool.fetch("SELECT pg_terminate_backend($1)", pid)
            await connection.execute("INSERT INTO ringward.tenants (id, name) VALUES ('new2', '')")

    with pytest.raises(Unavailable):
        await write()
    assert entered == 1
    assert await pool.fetch("SELECT 1 FROM ringward.tenants WHERE id LIKE 'new%'") == []


# --- the end ---


async def test_closing_lets_those_at_work_finish_and_refuses_the_rest(database: str) -> None:
    settings = PostgresSettings(database, most_connections=2)
    pool = await Pool.open(database, place="PostgreSQL", settings=settings)
    let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        await holding(pool, many=2, group=group, let_go=let_go)
        waiting = asyncio.create_task(pool.fetch("SELECT 1"))
        await asyncio.sleep(0)
        closing = group.create_task(pool.close())
        await asyncio.sleep(0.02)
        assert not closing.done()
        with pytest.raises(Unavailable, match="is closed"):
            await pool.fetch("SELECT 1")
        let_go.set()
        with pytest.raises(Unavailable, match="is closed"):
            await waiting
    await pool.close()


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"database": "nowhere"}, StorageFailed, "does not have the database"),
        ({"user": "nobody-here"}, StorageFailed, "refuses the user"),
        ({"port": "1"}, Unavailable, "cannot be reached"),
        ({"host": "no-such-host.invalid"}, Unavailable, "cannot be reached"),
        ({"sslmode": "require"}, Unavailable, "cannot be reached"),
    ],
)
async def test_a_server_that_cannot_be_used_is_told_from_one_that_cannot_be_reached(
    database: str, change: dict[str, str], error: type[AuthzError], text: str
) -> None:
    uri = f"{database}?{'&'.join(f'{name}={value}' for name, value in change.items() if name == 'sslmode')}".rstrip("?")
    uri = uri.replace(database.rpartition("/")[2], change.get("database", database.rpartition("/")[2]), 1)
    uri = uri.replace("postgres@", f"{change['user']}@") if "user" in change else uri
    host, port = database.partition("@")[2].partition("/")[0].split(":")
    uri = uri.replace(f"{host}:{port}", f"{change.get('host', host)}:{change.get('port', port)}")
    with pytest.raises(error, match=text) as caught:
        await Pool.open(uri, place="PostgreSQL", settings=replace(PostgresSettings(uri), connect_timeout_s=3))
    assert caught.value.__cause__ is not None


async def test_the_server_gives_up_transactions_that_nobody_goes_on_with(pool: Pool) -> None:
    """Were the node to vanish, its locks would stay for hours. Nothing of it is left for who comes next."""
    shown = "SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('statement_timeout')"
    async with pool.transaction() as connection:
        assert [tuple(row) for row in await connection.fetch(shown)] == [("10s", "31s")]
    assert [tuple(row) for row in await pool.fetch(shown)] == [("0", "0")]


async def test_a_transaction_the_server_gave_up_may_be_tried_again(pool: Pool) -> None:
    async def pause() -> None:
        async with pool.transaction() as connection:
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
            await asyncio.sleep(0.1)
            await connection.execute("SELECT 1")

    with pytest.raises(Unavailable, match="broke the connection"):
        await pause()
    assert await pool.fetch("SELECT 1")


async def test_each_end_of_a_silent_connection_is_probed_as_often_as_asked(database: str) -> None:
    connections = Connections(database, PostgresSettings(database, health_check_period_s=7.0))
    connection = await connections.take()
    network = connection.socket
    assert network.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert network.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
    assert await connection.fetchval("SHOW tcp_keepalives_idle") == "7"
    assert await connection.fetchval("SHOW tcp_user_timeout") == "22000"
    connections.bring_back(connection)
    await connections.close()


# --- what is counted ---


async def test_uses_waits_and_refusals_are_counted(pool: Pool) -> None:
    let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        await holding(pool, many=5, group=group, let_go=let_go)
        waiting = [group.create_task(pool.fetch("SELECT 1")) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(LimitExceeded):
            await pool.fetch("SELECT 1")
        during = pool.counts
        let_go.set()
    assert (during.used, during.idle, during.most, during.waiting) == (5, 0, 5, 3)
    assert (during.uses, during.waits, during.refused, during.opened) == (5, 3, 1, 5)
    after = pool.counts
    assert (after.used, after.idle, after.waiting, after.uses, after.opened) == (0, 5, 0, 8, 5)
    assert after.waited_s >= 3 * 0.05
    assert all(task.done() for task in waiting)


async def test_one_who_waited_in_vain_is_counted_as_refused(pool: Pool) -> None:
    let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        await holding(pool, many=5, group=group, let_go=let_go)
        with pytest.raises(Unavailable):
            await pool.fetch("SELECT 1")
        let_go.set()
    assert (pool.counts.waits, pool.counts.refused, pool.counts.waiting) == (1, 1, 0)
