"""A real pgbouncer in transaction mode, before a server of the tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.support.postgres import SUPERUSER, PostgresMissing, PostgresServer, plain_user
from tests.support.processes import free_port

_PROGRAM = Path("/usr/sbin/pgbouncer")


@contextmanager
def pooled(server: PostgresServer, *, connections: int = 2) -> Iterator[PostgresServer]:
    """The server by way of a pooler, which gives each transaction any of so many connections to each database."""
    if not _PROGRAM.exists():
        raise PostgresMissing("pgbouncer is needed: apt-get install pgbouncer")
    folder, port = Path(tempfile.mkdtemp(prefix="ringward-bouncer-", dir="/tmp")), free_port()
    try:
        folder.chmod(0o755)
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = user={SUPERUSER} host=127.0.0.1 port={server.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {connections}\n",
            encoding="ascii",
        )
        with subprocess.Popen(
            [_PROGRAM, "-q", settings], user=plain_user(), stderr=subprocess.DEVNULL, cwd="/tmp"
        ) as process:
            try:
                _wait_until_listening(port)
                yield replace(server, port=port)
            finally:
                process.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_listening(port: int) -> None:
    for _ in range(250):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("pgbouncer does not listen")
