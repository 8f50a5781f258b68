"""``ringward serve`` over a real PostgreSQL, as a process: what is written is there for all nodes and for good."""

from __future__ import annotations

import itertools
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import grpc
import pytest

from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.cli.program import TIMEOUT_S, finished, read_until, started
from tests.support.client import TENANT, Client
from tests.support.pgbouncer import pooled
from tests.support.postgres import PostgresServer, postgres_server

NAMES = itertools.count(1)
SCHEMA = "entity user {}\nentity doc {\n relation viewer @user\n permission view = viewer\n}"
LISTENERS = ("--grpc-port=0", "--http-port=0", "--server-host=127.0.0.1")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def uri(server: PostgresServer) -> str:
    """The address of a new database, with a password nobody asks for."""
    name = f"empty{next(NAMES)}"
    server.execute(f"CREATE DATABASE {name}")
    return server.uri(name).replace("//postgres@", "//postgres:hush@")


class Running:
    """A node that serves."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.grpc = read_until(process, "gRPC").split()[1]
        self.place = read_until(process, "data").partition("data")[2].strip()
        self.rest = read_until(process, "HTTP").split()[1]


@contextmanager
def node(uri: str, home: Path, *more: str) -> Iterator[Running]:
    arguments = ("serve", *LISTENERS, "--database-engine=postgres", f"--database-uri={uri}", *more)
    with started(*arguments, home=home) as process:
        yield Running(process)


@asynccontextmanager
async def client_of(running: Running) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(running.grpc) as channel:
        yield Client(channel)


async def revoke(client: Client, document: str) -> None:
    entity = base.EntityFilter(type="doc", ids=[document])
    request = pb.DataDeleteRequest(
        tenant_id=TENANT, tuple_filter=base.TupleFilter(entity=entity), attribute_filter=base.AttributeFilter()
    )
    await client.call("Data.Delete", request)


async def test_what_was_acknowledged_is_there_after_kill_and_restart(uri: str, tmp_path: Path) -> None:
    with node(uri, tmp_path) as running:
        assert running.place == f"PostgreSQL at {uri.partition('@')[2]}"
        async with client_of(running) as client:
            await client.write_schema(SCHEMA)
            token = await client.write(*(f"doc:{number}#viewer@user:ann" for number in range(100)))
        running.process.send_signal(signal.SIGKILL)
        running.process.communicate(timeout=TIMEOUT_S)

    with node(uri, tmp_path) as running:
        async with client_of(running) as client:
            assert await client.can("doc:99#view@user:ann", snap_token=token)
            assert not await client.can("doc:99#view@user:eve")
        async with aiohttp.ClientSession() as session:
            question = {
                "metadata": {"depth": 20},
                "entity": {"type": "doc", "id": "0"},
                "permission": "view",
                "subject": {"type": "user", "id": "ann"},
            }
            async with session.post(f"{running.rest}/tenants/{TENANT}/permissions/check", json=question) as response:
                assert (await response.json())["can"] == "CHECK_RESULT_ALLOWED"
        running.process.send_signal(signal.SIGTERM)
        stdout, stderr = running.process.communicate(timeout=TIMEOUT_S)
    assert running.process.returncode == 0
    assert "hush" not in stdout + stderr
    assert "Traceback" not in stderr


async def test_nodes_that_start_at_once_on_an_empty_database_see_each_others_writes_at_once(
    uri: str, tmp_path: Path
) -> None:
    arguments = ("serve", *LISTENERS, "--database-engine=postgres", f"--database-uri={uri}")
    with ExitStack() as stack:
        processes = [stack.enter_context(started(*arguments, home=tmp_path)) for _ in range(2)]
        first, second = (Running(process) for process in processes)
        async with client_of(first) as one, client_of(second) as other:
            await one.write_schema(SCHEMA)
            for turn in range(50):
                writer, reader = (one, other) if turn % 2 else (other, one)
                question = f"doc:{turn}#view@user:ann"
                await writer.write(f"doc:{turn}#viewer@user:ann")
                assert await reader.can(question)
                await revoke(reader, str(turn))
                assert not await writer.can(question)


async def test_without_migration_a_node_serves_from_nothing_but_tables_that_fit(uri: str, tmp_path: Path) -> None:
    at = ("--database-engine=postgres", f"--database-uri={uri}")
    refused = finished("serve", *LISTENERS, *at, "--database-auto-migrate=false", home=tmp_path)
    assert refused.returncode == 1
    assert "run `ringward migrate up`" in refused.stderr
    assert refused.stderr.count("\n") == 1

    assert finished("migrate", "up", *at, home=tmp_path).returncode == 0
    with node(uri, tmp_path, "--database-auto-migrate=false") as running:
        async with client_of(running) as client:
            await client.write_schema(SCHEMA)


async def test_a_database_restored_from_a_dump_is_served_from_once_it_is_repaired(
    server: PostgresServer, uri: str, tmp_path: Path
) -> None:
    with node(uri, tmp_path) as running:
        async with client_of(running) as client:
            await client.write_schema(SCHEMA)
            await client.write("doc:1#viewer@user:ann", "doc:2#viewer@user:ann")
            await revoke(client, "2")
    server.execute("DO $$ BEGIN FOR _ IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
    with node(uri, tmp_path) as running:
        async with client_of(running) as client:
            await client.write("doc:3#viewer@user:ann")
    dump = server.folder / "serve.dump"
    server.run("pg_dump", "--format=custom", "--file", dump, uri)

    with postgres_server() as fresh:
        fresh.execute("CREATE DATABASE app")
        fresh.run("pg_restore", "--exit-on-error", "--dbname", fresh.uri("app"), dump)
        at = ("--database-engine=postgres", f"--database-uri={fresh.uri('app')}")
        refused = finished("serve", *LISTENERS, *at, home=tmp_path)
        assert refused.returncode == 1
        assert "run `ringward repair datastore`" in refused.stderr
        repaired = finished("repair", "datastore", *at, home=tmp_path)
        assert repaired.returncode == 0, repaired.stderr

        with node(fresh.uri("app"), tmp_path) as running:
            async with client_of(running) as client:
                assert [await client.can(f"doc:{number}#view@user:ann") for number in (1, 2, 3)] == [True, False, True]
                await client.write("doc:2#viewer@user:ann")
                assert await client.can("doc:2#view@user:ann")


async def test_behind_pgbouncer_a_node_serves_once_it_is_told(server: PostgresServer, uri: str, tmp_path: Path) -> None:
    with pooled(server) as by_way:
        address = f"{by_way.uri(uri.rpartition('/')[2])}?default_query_exec_mode=simple_protocol"
        with node(address, tmp_path) as running, node(address, tmp_path) as another:
            async with client_of(running) as client, client_of(another) as other:
                await client.write_schema(SCHEMA)
                for turn in range(20):
                    await client.write(f"doc:{turn}#viewer@user:ann")
                    assert await other.can(f"doc:{turn}#view@user:ann")


async def test_a_node_may_start_before_its_database(tmp_path: Path) -> None:
    with postgres_server() as late:
        late.stop()
        arguments = ("serve", *LISTENERS, "--database-engine=postgres", f"--database-uri={late.uri()}")
        with started(*arguments, home=tmp_path) as process:
            read_until(process, "waiting for the database", from_stderr=True)
            late.start()
            async with client_of(Running(process)) as client:
                await client.write_schema(SCHEMA)


def test_a_database_that_will_never_be_is_one_line_and_exit_code_1(uri: str, tmp_path: Path) -> None:
    at = ("--database-engine=postgres", f"--database-uri={uri}-not")
    result = finished("serve", *LISTENERS, *at, home=tmp_path)
    assert result.returncode == 1
    assert "does not have the database" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "hush" not in result.stderr
