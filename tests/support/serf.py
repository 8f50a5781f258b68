"""Real serf agents of our own, on loopback, with the quick timing that serf has for that."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import OwnProcess, free_port


class SerfMissing(Exception):
    """No serf is installed; the text says how to get it."""


class OwnAgent(OwnProcess):
    """An agent that was not started by a node. Its tag ``role=db`` is somebody else's."""

    def __init__(self, folder: Path, name: str, *, join: str = "", auth: str = "") -> None:
        self.name = name
        self.rpc_port = free_port()
        self.gossip = f"127.0.0.1:{free_port()}"
        self._auth = auth
        configuration = folder / f"{name}.json"
        settings = {
            "node_name": name,
            "bind": self.gossip,
            "rpc_addr": f"127.0.0.1:{self.rpc_port}",
            "rpc_auth": auth,
            "profile": "local",
            "tags": {"role": "db"},
            "retry_join": [join] if join else [],
            "retry_interval": "1s",
        }
        configuration.write_text(json.dumps(settings), encoding="ascii")
        super().__init__([serf_program(), "agent", f"-config-file={configuration}"], folder / f"{name}.log")

    def url(self, cluster: str = "ringward") -> str:
        """As a node is told."""
        return f"serf://127.0.0.1:{self.rpc_port}?cluster={cluster}{self._auth and '&auth=' + self._auth}"

    def start(self) -> None:
        """Start, and wait until it listens."""
        super().start()
        self.wait_until_listening(self.rpc_port)

    def command(self, word: str, *words: str) -> str:
        """What serf says to a command given by hand."""
        given = [serf_program(), word, f"-rpc-addr=127.0.0.1:{self.rpc_port}", *words]
        if self._auth:
            given.insert(2, f"-rpc-auth={self._auth}")
        return subprocess.run(given, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    def tags(self) -> dict[str, str]:
        """Those of this agent, as it tells itself."""
        members = json.loads(self.command("members", "-format=json", f"-name={self.name}"))["members"]
        return dict(members[0]["tags"])


class OwnAgents:
    """Agents that gossip with the first of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.all: list[OwnAgent] = []

    def new(self, *, auth: str = "", is_alone: bool = False) -> OwnAgent:
        """One more, running."""
        join = self.all[0].gossip if self.all and not is_alone else ""
        agent = OwnAgent(self._folder, f"agent-{len(self.all)}", join=join, auth=auth)
        self.all.append(agent)
        agent.start()
        return agent

    def start(self) -> None:
        """Start all that do not run."""
        for agent in self.all:
            agent.start()

    def stop(self) -> None:
        """Kill all."""
        for agent in self.all:
            agent.stop()


@contextmanager
def serf_agents() -> Iterator[OwnAgents]:
    """None yet; those made run while the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-serf-", dir="/tmp"))
    agents = OwnAgents(folder)
    try:
        yield agents
    finally:
        agents.stop()
        shutil.rmtree(folder, ignore_errors=True)


def serf_program() -> str:
    """Where serf is. Raises SerfMissing."""
    found = shutil.which("serf")
    if found is None:
        raise SerfMissing(
            "serf is needed for tests: make test installs it where it may, else do it by hand: apt-get install serf"
        )
    return found
