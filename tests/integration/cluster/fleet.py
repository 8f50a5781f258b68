"""Nodes of one cluster as users run them: processes over one PostgreSQL, each with a log that tells who it sees."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.program import RINGWARD, ROOT
from tests.integration.cluster.cables import Cables
from tests.support.eventually import eventually
from tests.support.processes import OwnProcess, free_port

KEY = "the key of these tests"
PATIENCE_S = 150.0  # one whom nobody has to ask is missed when its card is due, a minute and a quarter later at most


class ClusterNode(OwnProcess):
    """One node, running or not.

    name: in tests. address: how its peers name it. client_port, peer_port: where it listens.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *options: str,
        key: str = KEY,
        environment: Mapping[str, str] | None = None,
        program: str = RINGWARD,
    ) -> None:
        self.name = name
        self.client_port = free_port()
        self.peer_port = free_port()
        self.log = folder / f"{name}.log"
        self.address = ""
        self._options = options
        self._key = key
        self._program = program
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            **(environment or {}),
        }
        self._started_at = 0
        super().__init__([], self.log)

    @property
    def client_address(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self.client_port}"

    def point_to(self, engine: str, address: str) -> None:
        """From its next start on it looks for others by an engine, and is named by an address."""
        self.address = address
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        self._command = [
            *("env", "-i", *variables, sys.executable, "-c", self._program, "serve"),
            *("--server-host=127.0.0.1", f"--grpc-port={self.client_port}", "--http-enabled=false"),
            *("--log-output=json", "--database-engine=postgres"),
            *("--distributed-enabled", f"--distributed-address={engine}", f"--distributed-port={self.peer_port}"),
            *(f"--distributed-advertise={address}", f"--distributed-cluster-key={self._key}"),
            *self._options,
        ]

    def move(self) -> None:
        """From its next start on it serves clients at another port: somebody may have taken the one it had."""
        before, self.client_port = self.client_port, free_port()
        self._command = [
            word.replace(f"--grpc-port={before}", f"--grpc-port={self.client_port}") for word in self._command
        ]

    @property
    def is_running(self) -> bool:
        """False before it was started and after it was stopped."""
        return self._process is not None

    def start(self) -> None:
        """Start it; it serves once ``events`` tell so."""
        self._started_at = self.log.stat().st_size if self.log.exists() else 0
        super().start()

    def events(self, named: str = "") -> list[dict[str, Any]]:
        """What it has logged since its last start; of one kind, if named."""
        if not self.log.exists():
            return []
        with self.log.open(encoding="utf-8") as lines:
            lines.seek(self._started_at)
            found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [event for event in found if not named or event["event"] == named]

    @property
    def members(self) -> int:
        """How many nodes it sees, itself among them."""
        changes = self.events("the members have changed")
        return int(changes[-1]["members"]) if changes else 1

    async def serves(self, *, members: int | None = None) -> None:
        """Return once it serves; and sees so many nodes, if given."""

        async def it_does() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text(encoding="utf-8")[-2000:]
            return bool(self.events("node started")) and members in (None, self.members)

        await eventually(it_does, patience_s=PATIENCE_S)

    async def tells(self, event: str, **values: object) -> dict[str, Any]:
        """An event with such values, once it has been logged since the last start."""

        async def it_does() -> bool:
            return bool(matching())

        def matching() -> list[dict[str, Any]]:
            return [found for found in self.events(event) if values.items() <= found.items()]

        await eventually(it_does, patience_s=PATIENCE_S)
        return matching()[0]


class Fleet:
    """Nodes that know of each other."""

    def __init__(self, nodes: Sequence[ClusterNode], cables: Cables) -> None:
        self.nodes = nodes
        self.cables = cables

    def __getitem__(self, name: str) -> ClusterNode:
        return next(node for node in self.nodes if node.name == name)

    async def begins_anew(self, names: str = "abc") -> None:
        """Start these, and no others, with nothing in mind of what went before; return once they see each other."""
        self.cables.mend()
        for node in self.nodes:
            node.stop()
            node.move()
        for name in names:
            self[name].start()
        for name in names:
            await self[name].serves(members=len(names))

    def troubles(self) -> list[dict[str, Any]]:
        """What running nodes have logged that speaks of a bug."""
        return [event for node in self.nodes for event in node.events() if event["level"] in ("error", "critical")]


@contextmanager
def fleet_of(nodes: Sequence[ClusterNode], *, is_wired: bool = True) -> Iterator[Fleet]:
    """The nodes, none of them running yet, which are stopped at the end.

    is_wired: they are told a list of all, each behind a cable that can be cut; else each is pointed to an engine.
    """
    cables = Cables(lambda: {node.name: node.pid for node in nodes if node.is_running})
    with cables.running():
        if is_wired:
            addresses = [f"127.0.0.1:{cables.lay(node.name, node.peer_port)}" for node in nodes]
            for node, address in zip(nodes, addresses, strict=True):
                node.point_to(f"static://{','.join(addresses)}", address)
        try:
            yield Fleet(nodes, cables)
        finally:
            for node in nodes:
                node.stop()
