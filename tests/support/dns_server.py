"""A real small DNS server of our own, dnsmasq, on a free port of loopback; its records may be changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import OwnProcess, free_port


class DnsmasqMissing(Exception):
    """No dnsmasq is installed; the text says how to get it."""


class OwnDns(OwnProcess):
    """It knows everything of the domains ``test`` and ``local``, and nothing of others.

    Records are dnsmasq's own options, ``host-record=name,address,ttl`` for one.
    """

    def __init__(self, folder: Path) -> None:
        self._records = folder / "records.conf"
        self._records.touch()
        self.port = free_port()
        settings = (
            *("--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1"),
            *(
                f"--port={self.port}",
                "--local=/test/",
                "--local=/local/",
                f"--conf-file={self._records}",
                "--user=root",
            ),
            *("--pid-file=", "--log-facility=-"),
        )
        super().__init__([_program(), *settings], folder / "log")

    def start(self) -> None:
        """Start, and wait until it listens."""
        super().start()
        self.wait_until_listening(self.port)

    def serve(self, *records: str) -> None:
        """Serve these records from now on, and no others."""
        self._records.write_text("".join(f"{record}\n" for record in records), encoding="ascii")
        self.stop()
        self.start()


@contextmanager
def dns_server(*records: str) -> Iterator[OwnDns]:
    """A new one that runs while the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-dns-", dir="/tmp"))
    server = OwnDns(folder)
    try:
        server.serve(*records)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str:
    found = shutil.which("dnsmasq") or shutil.which("/usr/sbin/dnsmasq")
    if found is None:
        raise DnsmasqMissing(
            "dnsmasq is needed for tests: make test installs it where it may, else do it by hand:"
            " apt-get install dnsmasq-base"
        )
    return found
