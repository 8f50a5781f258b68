"""Beginnings that fail and ends at any moment, of the real program: soon, in order, and with a word about why."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path

import pytest

from tests.cli.program import RINGWARD, ROOT, TIMEOUT_S, finished, read_until, started
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.processes import free_ports
from tests.support.root import as_root, command_of_root

NAMES = itertools.count(1)
LISTENERS = ("--grpc-port=0", "--http-enabled=false", "--server-host=127.0.0.1")
AT_WORK = "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')"
SOON_S = 20.0  # on a very busy machine; waiting for a database takes three times as long


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> str:
    """The name of a new database without our tables."""
    name = f"empty{next(NAMES)}"
    server.execute(f"CREATE DATABASE {name}")
    return name


def over(server: PostgresServer, database: str) -> tuple[str, ...]:
    """A command that serves from a database."""
    return ("serve", *LISTENERS, "--database-engine=postgres", f"--database-uri={server.uri(database)}")


# --- told to stop before it serves ---


def test_while_it_waits_for_a_database_that_is_not_there(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    uri = f"postgres://nobody@127.0.0.1:{port}/none"
    with started("serve", *LISTENERS, "--database-engine=postgres", f"--database-uri={uri}", home=tmp_path) as process:
        read_until(process, "waiting for the database", from_stderr=True)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=SOON_S)
    assert process.returncode == 0
    assert "told to stop before the node was started" in stderr
    assert "Traceback" not in stderr


def test_while_it_waits_for_a_database_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        uri = f"postgres://nobody@127.0.0.1:{mute.getsockname()[1]}/none?sslmode=disable"
        at = ("--database-engine=postgres", f"--database-uri={uri}", "--database-connect-timeout=1h")
        with started("serve", *LISTENERS, *at, home=tmp_path) as process:
            mute.settimeout(TIMEOUT_S)
            connection, _ = mute.accept()
            with connection:
                process.send_signal(signal.SIGTERM)
                _, stderr = process.communicate(timeout=SOON_S)
    assert process.returncode == 0
    assert "Traceback" not in stderr


def test_in_the_midst_of_a_migration(server: PostgresServer, database: str, tmp_path: Path) -> None:
    """Each step of it takes a while. What was done is undone, and the next start finds the database as it was."""
    server.execute(
        "CREATE FUNCTION rest() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); END'", database
    )
    server.execute("CREATE EVENT TRIGGER slowly ON ddl_command_end EXECUTE FUNCTION rest()", database)
    with started(*over(server, database), home=tmp_path) as process:
        soon(lambda: is_so(server, database, AT_WORK))
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=SOON_S)
    assert process.returncode == 0
    assert "Traceback" not in stderr
    assert is_so(server, database, "to_regnamespace('ringward') IS NULL")

    server.execute("DROP EVENT TRIGGER slowly", database)
    with started(*over(server, database), home=tmp_path) as process:
        read_until(process, "gRPC")
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0


def test_killed_in_the_midst_of_a_migration(server: PostgresServer, database: str, tmp_path: Path) -> None:
    server.execute(
        "CREATE FUNCTION rest() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); END'", database
    )
    server.execute("CREATE EVENT TRIGGER slowly ON ddl_command_end EXECUTE FUNCTION rest()", database)
    with started(*over(server, database), home=tmp_path) as process:
        soon(lambda: is_so(server, database, AT_WORK))
        process.kill()
        process.wait()
    server.execute("ALTER EVENT TRIGGER slowly DISABLE", database)
    with started(*over(server, database), home=tmp_path) as process:
        read_until(process, "gRPC")
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0


def test_while_another_migrates(server: PostgresServer, database: str, tmp_path: Path) -> None:
    lock = "SELECT pg_advisory_lock(x'72696E6777617264'::bigint)"
    with server_session(server, database, f"{lock}; SELECT pg_sleep(600)"):
        soon(lambda: is_so(server, database, "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted)"))
        with started(*over(server, database), home=tmp_path) as process:
            waiting = "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
            soon(lambda: is_so(server, database, waiting))
            process.send_signal(signal.SIGTERM)
            assert process.wait(SOON_S) == 0


def test_twice_as_the_first_process_of_a_container(tmp_path: Path) -> None:
    """To that one the system does nothing of its own accord, so it must end itself."""
    wait = "--server-drain-delay=1h"
    words = ("unshare", "--pid", "--fork", sys.executable, "-c", RINGWARD, "serve", *LISTENERS, wait)
    with running(command_of_root(*words, "--database-engine=memory"), tmp_path) as process:
        read_until(process, "gRPC")
        (inner,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        as_root("kill", "-TERM", inner)
        read_until(process, "stopping", from_stderr=True)
        as_root("kill", "-TERM", inner)
        assert process.wait(SOON_S) == 128 + signal.SIGTERM


# --- nobody takes its output ---


def test_with_output_that_nobody_reads_it_serves_and_stops(tmp_path: Path) -> None:
    """Standard output and standard error are one pipe, which is full from the beginning."""
    reader, writer = os.pipe()
    fcntl(writer, F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    while fill(writer):
        pass
    os.set_blocking(writer, True)
    with serving(tmp_path, stdout=writer, stderr=writer) as (process, port):
        assert is_serving(port, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0
    os.close(reader)
    os.close(writer)


def test_with_a_full_disk_for_its_output_it_serves_and_stops(tmp_path: Path) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        serving(tmp_path, stdout=full.fileno(), stderr=full.fileno()) as (process, port),
    ):
        assert is_serving(port, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0


def test_with_closed_output_it_serves_stops_and_writes_into_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "x.db"
    (port,) = free_ports(1)
    words = [sys.executable, "-c", RINGWARD, "serve", *LISTENERS[1:], f"--grpc-port={port}", f"--database-uri={data}"]
    with running(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words, "--log-level=debug"], tmp_path) as process:
        soon(lambda: is_serving(port, tmp_path))
        names = [os.readlink(f"/proc/{process.pid}/fd/{descriptor}") for descriptor in range(3)]
        assert names == ["/dev/null"] * 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0


def test_where_it_is_read_no_word_is_lost(tmp_path: Path) -> None:
    with started("serve", *LISTENERS, "--database-engine=memory", "--log-output=json", home=tmp_path) as process:
        read_until(process, "node started", from_stderr=True)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=SOON_S)
    assert "stopping; once more to end at once" in stderr
    assert "node stopped" in stderr


# --- it cannot serve ---


def test_a_database_that_grants_nothing_is_one_line_and_exit_code_1(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    server.execute("DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    uri = server.uri(database).replace("postgres@", "guest@")
    result = finished("serve", *LISTENERS, "--database-engine=postgres", f"--database-uri={uri}", home=tmp_path)
    assert result.returncode == 1
    assert "error: the user of the database may not do what a migration needs" in result.stderr
    assert result.stderr.count("\n") == 1


def test_tables_of_a_newer_version_are_one_line_and_exit_code_1(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    at = ("--database-engine=postgres", f"--database-uri={server.uri(database)}")
    assert finished("migrate", "up", *at, home=tmp_path).returncode == 0
    server.execute("UPDATE ringward.alembic_version SET version_num = '99999'", database)
    result = finished(*over(server, database), home=tmp_path)
    assert result.returncode == 1
    assert "the database is at migration 99999, and this version of ringward knows none beyond" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("mysql://db/x", "--database-uri: database.uri: expected postgres://"),
        ("postgres://", "--database-uri: database.uri: expected postgres://"),
        ("postgres://db:port/x", "--database-uri: database.uri: expected a port"),
        ("postgres://db/x?sslmode=no", "the address of the database cannot be read"),
    ],
)
def test_an_address_of_no_database_is_one_line_and_exit_code_1(uri: str, word: str, tmp_path: Path) -> None:
    result = finished("serve", *LISTENERS, "--database-engine=postgres", f"--database-uri={uri}", home=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {word}")
    assert result.stderr.count("\n") == 1


def test_a_data_folder_that_may_not_be_written_is_one_line_and_exit_code_1() -> None:
    """Asked for by somebody who is not root, to whom all folders can be written."""
    home = Path("/tmp") / f"ringward-unwritable-{os.getpid()}"
    home.mkdir(mode=0o755)
    try:
        (home / "data").mkdir(mode=0o555)
        as_nobody = ("setpriv", "--reuid=10001", "--regid=10001", "--clear-groups") if os.geteuid() == 0 else ()
        words = (sys.executable, "-c", RINGWARD, "serve", *LISTENERS, f"--database-uri={home}/data/x.db")
        with running([*as_nobody, *words], home) as process:
            _, stderr = process.communicate(timeout=TIMEOUT_S)
    finally:
        shutil.rmtree(home)
    assert process.returncode == 1
    assert stderr.count("error: ") == stderr.count("\n") == 1
    assert f"{home}/data/x.db" in stderr


# --- what it takes ---


@contextmanager
def running(command: list[str] | tuple[str, ...], home: Path) -> Iterator[subprocess.Popen[str]]:
    """A command with its output piped; it and what it started are killed at the end."""
    with subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def serving(home: Path, *, stdout: int, stderr: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A node whose output goes there, once it listens, and its port."""
    (port,) = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-c", RINGWARD, "serve", *LISTENERS[1:], f"--grpc-port={port}", "--database-engine=memory"],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    ) as process:
        try:
            soon(lambda: is_serving(port, home))
            yield process, port
        finally:
            process.kill()


def soon(claim: Callable[[], bool]) -> None:
    """Return once the claim is true; fails if it does not become so."""
    end_s = time.monotonic() + TIMEOUT_S
    while not claim():
        assert time.monotonic() < end_s, "it never became true"
        time.sleep(0.05)


def is_serving(port: int, home: Path) -> bool:
    """What its health says."""
    return finished("health", f"--address=127.0.0.1:{port}", home=home).returncode == 0


def fill(pipe: int) -> bool:
    """Write into it; False once nothing fits."""
    try:
        os.write(pipe, b"x")
    except BlockingIOError:
        return False
    return True


def is_so(server: PostgresServer, database: str, claim: str) -> bool:
    """Whether a claim holds in a database."""
    try:
        server.execute(f"DO $$ BEGIN ASSERT ({claim}); END $$", database)
    except RuntimeError:
        return False
    return True


@contextmanager
def server_session(server: PostgresServer, database: str, statement: str) -> Iterator[None]:
    """A session that is busy with a statement meanwhile."""
    words = ["psql", "-X", "-q", "-d", server.uri(database), "-c", statement]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()
