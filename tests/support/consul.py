"""A real Consul of our own: one agent that is its own server, on free ports of loopback, with nothing on disk."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import OwnProcess, free_ports

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringward"
_START_S = 30.0


class ConsulMissing(Exception):
    """No Consul is installed; the text says how to get it."""


class OwnConsul(OwnProcess):
    """A Consul that keeps nothing: started again after a stop, it knows nobody.

    root_token: who has it may do everything, and others nothing; empty for no rules at all.
    """

    def __init__(self, folder: Path, root_token: str = "") -> None:
        ports = dict(zip(("http", "server", "serf-lan", "serf-wan"), free_ports(4), strict=True))
        options = [f"-{name}-port={port}" for name, port in ports.items()]
        tokens = {"initial_management": root_token, "agent": root_token}
        acl = {"enabled": True, "default_policy": "deny", "tokens": tokens}
        settings = {"ports": {"grpc": -1, "grpc_tls": -1, "dns": -1}, **({"acl": acl} if root_token else {})}
        configuration = folder / "settings.json"
        configuration.write_text(json.dumps(settings), encoding="ascii")
        command = [_program(), "agent", "-dev", "-bind=127.0.0.1", f"-config-file={configuration}", *options]
        super().__init__([*command, "-disable-host-node-id", "-log-level=warn"], folder / "log")
        self.port = ports["http"]
        self._root_token = root_token

    def url(self, service: str = "ringward", options: str = "") -> str:
        """As a node is told."""
        return f"consul://127.0.0.1:{self.port}/{service}{options and '?' + options}"

    def start(self) -> None:
        """Start, and wait until it has a leader and knows itself."""
        super().start()
        self.wait_until_listening(self.port)
        ends_at_s = time.monotonic() + _START_S
        while not self._is_ready():
            if time.monotonic() > ends_at_s:
                raise RuntimeError("Consul does not get ready")
            time.sleep(0.05)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What Consul says to a request given by hand, with the root token."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Consul-Token": self._root_token} if self._root_token else {},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def _is_ready(self) -> bool:
        try:
            return bool(self.ask("GET", "status/leader") and self.ask("GET", "catalog/nodes"))
        except (OSError, urllib.error.URLError):
            return False


@contextmanager
def consul_server(*, root_token: str = "") -> Iterator[OwnConsul]:
    """A new Consul that runs while the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-consul-", dir="/tmp"))
    server = OwnConsul(folder, root_token)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str:
    built = sorted(_CACHE.glob("consul-*/consul"))
    found = str(built[-1]) if built else shutil.which("consul")
    if found is None:
        raise ConsulMissing("Consul is needed for tests: .ci/install-servers builds it, with Go 1.22 or newer")
    return found
