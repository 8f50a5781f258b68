"""A real PostgreSQL server of our own, in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")
SUPERUSER = "postgres"
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class PostgresMissing(Exception):
    """No PostgreSQL is installed; the text says how to get it."""


@dataclass(frozen=True)
class PostgresServer:
    """A server that has been made, and may run or not. It trusts whoever comes, from loopback alone."""

    folder: Path
    port: int

    def uri(self, database: str = "postgres") -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        _run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop; ``immediate`` is a crash."""
        _run("pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "stop")

    def configure(self, **settings: str) -> None:
        """Write settings that count from the next start on."""
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


@contextmanager
def postgres_server(**settings: str) -> Iterator[PostgresServer]:
    """A new server that runs while the context lasts; quick rather than durable unless told otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-pg-", dir="/tmp"))
    try:
        _give_to_plain_user(folder)
        server = PostgresServer(folder, free_port())
        _run("initdb", "-D", folder / "data", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        server.configure(
            port=str(server.port), listen_addresses="127.0.0.1", unix_socket_directories="", **{**_QUICK, **settings}
        )
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _run(program: str, *arguments: object) -> None:
    """Run one of PostgreSQL's programs as a plain user: initdb and the server refuse root."""
    command = [str(_programs() / program), *map(str, arguments)]
    user = _plain_user()
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, user=user, group=user and pwd.getpwnam(user).pw_gid, cwd="/tmp"
    )
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}")


def _plain_user() -> str | None:
    return "nobody" if os.geteuid() == 0 else None


def _give_to_plain_user(folder: Path) -> None:
    folder.chmod(0o755)
    if user := _plain_user():
        shutil.chown(folder, user)


def _programs() -> Path:
    """The newest version installed. Raises PostgresMissing."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresMissing("PostgreSQL is needed: apt-get install postgresql")
    return found[-1].parent
