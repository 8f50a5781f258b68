"""``ringward migrate`` and ``ringward repair``, against a real server: what they say, what they do, how they exit."""

from __future__ import annotations

import itertools
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.cli.program import RINGWARD, ROOT, TIMEOUT_S, finished, started
from tests.support.postgres import PostgresServer, postgres_server

NAMES = itertools.count(1)
LAST = "0001_tables.py"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def uri(server: PostgresServer) -> str:
    """The address of a new database."""
    name = f"empty{next(NAMES)}"
    server.execute(f"CREATE DATABASE {name}")
    return server.uri(name)


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env=env, catch_exceptions=False)


def test_up_status_down_and_reset_say_what_they_did(uri: str) -> None:
    at = f"--database-uri={uri}"
    pending = run("migrate", "status", at)
    assert pending.exit_code == 0
    assert pending.output.splitlines()[1].split() == ["pending", LAST]

    up = run("migrate", "up", at, "--database-engine=postgres", "--target=0")
    assert (up.exit_code, up.output) == (0, f"applied  {LAST}\n")
    assert run("migrate", "up", at).output == "nothing to do\n"
    applied_at, file = run("migrate", "status", at).output.splitlines()[1].rsplit(maxsplit=1)
    assert file == LAST
    assert applied_at[:2] == "20"

    down = run("migrate", "down", at)
    assert (down.exit_code, down.stdout) == (0, f"taken back  {LAST}\n")
    assert "removed with the data" in down.stderr
    assert run("migrate", "up", at, "--target", "1").stdout == f"applied  {LAST}\n"
    reset = run("migrate", "reset", at, "--yes")
    assert (reset.exit_code, reset.stdout) == (0, f"taken back  {LAST}\n")
    assert run("migrate", "status", at).output.splitlines()[1].split() == ["pending", LAST]


def test_wait_ends_once_somebody_else_has_migrated(uri: str, tmp_path: Path) -> None:
    with started("migrate", "wait", f"--database-uri={uri}", home=tmp_path) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=3)
        assert run("migrate", "up", f"--database-uri={uri}").exit_code == 0
        assert waiting.communicate(timeout=TIMEOUT_S) == ("all migrations are applied\n", "")
        assert waiting.returncode == 0


def test_wait_gives_up_in_time_and_has_changed_nothing(uri: str) -> None:
    gave_up = run("migrate", "wait", f"--database-uri={uri}", "--timeout=0.1")
    assert (gave_up.exit_code, gave_up.stderr) == (1, f"error: migrations are not applied yet, {LAST} the first of 1\n")
    assert run("migrate", "status", f"--database-uri={uri}").output.splitlines()[1].split() == ["pending", LAST]


def test_wait_says_that_nobody_answers(unused_tcp_port: int) -> None:
    nowhere = run("migrate", "wait", f"--database-uri=postgres://localhost:{unused_tcp_port}/x", "--timeout=0.1")
    assert nowhere.exit_code == 1
    assert "cannot be reached" in nowhere.stderr


def test_the_database_may_come_from_where_a_nodes_comes_from(uri: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"database:\n  engine: postgres\n  writer:\n    uri: {uri}\n", encoding="utf-8")

    assert run("migrate", "up", "-c", str(file)).stdout == f"applied  {LAST}\n"
    assert run("migrate", "up", env={"RINGWARD_DATABASE_URI": uri}).stdout == "nothing to do\n"
    assert run("migrate", "up", env={"PERMIFY_DATABASE_URI": uri}).stdout == "nothing to do\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "database.uri: must be given"),
        (("--database-uri=some/file.db",), "expected postgres://user:password@host:port/database"),
        (("--database-engine=sqlite",), "database.engine is sqlite; only postgres has tables to migrate or repair"),
        (("--database-engine=oracle",), "expected sqlite or memory or postgres"),
        (("--database-uri=postgres://me:hush@127.0.0.1:1/d",), "cannot be reached"),
        (("--database-uri=postgres://me:hush@127.0.0.1:x/d",), "expected a port"),
        (("--database-uri=postgres://me:hush@127.0.0.1:1/d?sslmode=no",), "the address of the database cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_1(arguments: tuple[str, ...], told: str) -> None:
    for command in (("migrate", "up"), ("migrate", "status"), ("repair", "datastore")):
        result = run(*command, *arguments)
        assert result.exit_code == 1
        assert told in result.stderr
        assert result.stderr.count("error: ") == 1
        assert "hush" not in result.output


def test_a_number_there_is_not_is_told_with_those_there_are(uri: str) -> None:
    result = run("migrate", "up", f"--database-uri={uri}", "--target=77")
    assert result.exit_code == 1
    assert "no migration 77; they go from 1 to" in result.stderr
    assert run("migrate", "up", f"--database-uri={uri}", "--target=x").exit_code == 2


def test_the_program_as_a_process_migrates_and_fails_without_a_traceback(uri: str, tmp_path: Path) -> None:
    done = finished("migrate", "up", f"--database-uri={uri}", home=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"applied  {LAST}\n", "")
    failed = finished("migrate", "up", "--database-uri=postgres://postgres@127.0.0.1:1/x", home=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize(("answer", "is_gone"), [("n\n", False), ("y\n", True)])
def test_on_a_terminal_it_asks_before_data_is_removed(uri: str, tmp_path: Path, answer: str, is_gone: bool) -> None:
    at = f"--database-uri={uri}"
    run("migrate", "up", at)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        result = subprocess.run(
            [sys.executable, "-c", RINGWARD, "migrate", "reset", at],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        )
    finally:
        os.close(ours)
        os.close(theirs)

    assert "All relationships" in result.stderr
    assert result.returncode == (0 if is_gone else 1)
    assert ("pending" in run("migrate", "status", at).output) is is_gone


# --- repair ---


def restored(server: PostgresServer, uri: str, *, ahead: int) -> str:
    """Make the database's horizon lie that far ahead of the server's counter; the option that names the database."""
    run("migrate", "up", f"--database-uri={uri}")
    far = f"pg_snapshot_xmax(pg_current_snapshot())::text::bigint + {ahead}"
    server.execute(
        f"UPDATE ringward.horizon SET snapshot = format('%s:%s:', {far}, {far})::pg_snapshot", uri.rpartition("/")[2]
    )
    return f"--database-uri={uri}"


def test_what_needs_no_repair_says_so(uri: str) -> None:
    run("migrate", "up", f"--database-uri={uri}")
    result = run("repair", "datastore", f"--database-uri={uri}")
    assert result.exit_code == 0
    assert result.output.endswith("nothing to repair\n")


def test_a_dry_run_tells_what_is_missing_and_changes_nothing(server: PostgresServer, uri: str) -> None:
    at = restored(server, uri, ahead=250_000)

    for switch in ("--dry-run", "--dry-run=true"):
        dry = run("repair", "datastore", at, switch)
        assert dry.exit_code == 0
        assert re.search("^25[01]... transaction ids are missing, about 3 s$", dry.stdout, re.MULTILINE)
        assert "dry run: nothing was changed" in dry.stdout

    loud = run("repair", "datastore", at, "--batch-size=50000", "--retries=3", "--dry-run=false")
    assert loud.exit_code == 0
    assert " missing\n" in loud.stdout
    assert "repaired: the next transaction is " in loud.stdout
    assert run("repair", "datastore", at).stdout.endswith("nothing to repair\n")


def test_a_repair_that_is_not_verbose_leaves_out_the_progress(server: PostgresServer, uri: str) -> None:
    at = restored(server, uri, ahead=250_000)
    quiet = run("repair", "datastore", at, "--verbose=false", "--batch-size=10000")
    assert quiet.exit_code == 0
    assert len(quiet.stdout.splitlines()) == 3


def test_of_a_gap_too_wide_to_walk_the_quick_way_is_told(server: PostgresServer, uri: str) -> None:
    result = run("repair", "datastore", restored(server, uri, ahead=2**33), "--dry-run")
    assert "pg_resetwal --epoch=3" in result.stdout


def test_tables_that_are_not_there_cannot_be_repaired(uri: str) -> None:
    result = run("repair", "datastore", f"--database-uri={uri}")
    assert result.exit_code == 1
    assert "run `ringward migrate up`" in result.stderr
