"""A real PostgreSQL server of our own, in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread

from bench.processes import free_port
from storage.postgres.connecting import open_connection
from storage.postgres.migrating import Migrations
from storage.postgres.settings import PostgresSettings

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian keeps its versions."""

SUPERUSER = "postgres"
"""Who may do everything, and is trusted."""

_QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
}


class PostgresMissing(Exception):
    """No PostgreSQL is installed; the text says how to get it."""


@dataclass(frozen=True)
class PostgresServer:
    """A server that has been made, and may run or not. It trusts whoever comes.

    host: where it listens, and is reached. through: the start of the command its programs are run by; it is root's, if
    we are root. environment: what its programs are given, each ``NAME=value``.
    """

    folder: Path
    port: int
    host: str = "127.0.0.1"
    through: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    def uri(self, database: str = "postgres") -> str:
        """Of one of its databases."""
        return f"postgresql://{SUPERUSER}@{self.host}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The process all others of a running server are below."""
        return int((self.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])

    @property
    def is_running(self) -> bool:
        """False once the process all others are below has ended, unless it was killed."""
        return (self.folder / "data" / "postmaster.pid").exists()

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement that gives nothing."""
        self.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.uri(database), "-c", statement)

    def run(self, program: str, *arguments: object) -> None:
        """Run one of PostgreSQL's programs, as the user the server runs as."""
        _run(program, *arguments, through=self.through, environment=self.environment)

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop; ``immediate`` is a crash."""
        self.run("pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "stop")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Its processes stand still meanwhile: it takes connections, in the kernel, and says nothing."""
        found = subprocess.run(  # noqa: S603 - a fixed command
            ["pgrep", "-P", str(self.pid)],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
            check=False,
        )
        processes = [self.pid, *map(int, found.stdout.split())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def configure(self, **settings: str) -> None:
        """Write settings that count from the next start on."""
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


@contextmanager
def postgres_server(
    *,
    host: str = "127.0.0.1",
    through: tuple[str, ...] = (),
    environment: tuple[str, ...] = (),
    log_at: Path | None = None,
    **settings: str,
) -> Iterator[PostgresServer]:
    """A new server that runs while the context lasts; quick rather than durable unless told otherwise.

    host, through, environment: see PostgresServer. log_at: an empty folder for its write-ahead log, which then has
    segments of 1 MiB and is kept small.
    """
    folder = Path(tempfile.mkdtemp(prefix="ringward-pg-", dir="/tmp"))
    try:
        give_to_plain_user(folder)
        server = PostgresServer(folder, free_port(), host, through, environment)
        log = ("-X", log_at, "--wal-segsize=1") if log_at else ()
        _run(
            *("initdb", "-D", folder / "data", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
            *log,
        )
        with (folder / "data" / "pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.write("host all all samenet trust\n")
        if log_at:
            server.configure(min_wal_size="2MB", max_wal_size="4MB")
        server.configure(
            port=str(server.port), unix_socket_directories="", **{**_QUICK, "listen_addresses": host, **settings}
        )
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def migrate(uri: str) -> None:
    """Make our tables, from a place where no event loop runs or where one does."""
    migrations = Migrations(partial(open_connection, PostgresSettings(uri)))
    thread = Thread(target=lambda: asyncio.run(migrations.up()))
    thread.start()
    thread.join()


def plain_user() -> str | None:
    """Whom to run programs as that refuse root; None if we are not root."""
    return "nobody" if os.geteuid() == 0 else None


def give_to_plain_user(folder: Path) -> None:
    """Let whom programs run as keep something in a folder."""
    folder.chmod(0o755)
    if user := plain_user():
        shutil.chown(folder, user)


def _run(program: str, *arguments: object, through: tuple[str, ...] = (), environment: tuple[str, ...] = ()) -> None:
    """Run one of PostgreSQL's programs as a plain user: initdb and the server refuse root."""
    command = [*through, *_as_plain_user(), "env", *environment, str(_programs() / program), *map(str, arguments)]
    result = subprocess.run(  # noqa: S603 - a program of PostgreSQL
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd="/tmp",  # noqa: S108 - where whoever runs it may be
        start_new_session=True,  # an interrupt from the terminal is for us, and we stop it in order
    )
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}")


def _as_plain_user() -> tuple[str, ...]:
    """A command before a command. Were subprocess told the user it would fork, and gRPC's handlers crash the child."""
    if not (user := plain_user()):
        return ()
    return ("setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups")


def _programs() -> Path:
    """The newest version installed. Raises PostgresMissing."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found and (on_path := shutil.which("initdb")):
        return Path(on_path).resolve().parent
    if not found:
        raise PostgresMissing(
            "PostgreSQL 13 or newer is needed: make test and make bench install it where they may, else do it by hand:"
            " apt-get install postgresql pgbouncer"
        )
    return found[-1].parent
