"""A node that is a process of its own, and ends with its standard input.

python -m tests.cluster.peers.peer_process PORT             answers its peers as ``FakeOwn`` does; tells its port
python -m tests.cluster.peers.peer_process PORT ADDRESS     asks that peer besides, 100 things that wait
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.peers.two_nodes import FakeOwn, ask, asking, request, serving

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class PeerProcess:
    """One that runs."""

    process: subprocess.Popen[str]
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


@contextmanager
def peer_process(port: int = 0, asks: str = "") -> Iterator[PeerProcess]:
    """Such a node, killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.peers.peer_process", str(port), *([asks] if asks else [])],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield PeerProcess(process, int(process.stdout.readline()))
        finally:
            process.kill()


async def run(port: int, asks: Sequence[str]) -> None:
    async with serving(FakeOwn(), port=port) as serves, asking() as peers, asyncio.TaskGroup() as group:
        print(serves.host.port, flush=True)  # noqa: T201 - this is how it tells
        for address in asks:
            for _ in range(100):
                group.create_task(ask(peers, address, request("wait"), timeout_s=60.0))
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2:]))
