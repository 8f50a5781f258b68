"""A node as its users run it, on the native transport, for clients that mean it no good."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from tests.api.conftest import SCHEMA
from tests.cli.program import read_until, started
from tests.support.client import Client

MOST_GROWTH_MB = 100.0


@dataclass(frozen=True, slots=True)
class Victim:
    """The node's process and address."""

    process: subprocess.Popen[str]
    address: str

    @property
    def memory_mb(self) -> float:
        """What it has in memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    @property
    def open_files(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    home = tmp_path_factory.mktemp("home")
    options = ["--grpc-transport=native", "--grpc-port=0", "--http-enabled=false", "--server-host=127.0.0.1"]
    with started("serve", *options, "--database-engine=memory", "--log-level=error", home=home) as process:
        yield Victim(process, read_until(process, "gRPC").split()[1])
        process.terminate()
        _, errors = process.communicate(timeout=30)
        assert errors.replace("stopping; once more to end at once", "").strip() == ""


@pytest.fixture
async def victim(node: Victim) -> AsyncIterator[Victim]:
    """The node; at the end it still answers, nobody is held on to, and its memory is what it was, or nearly."""
    async with grpc.aio.insecure_channel(node.address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write("doc:1#owner@user:1")
        before_mb, files = node.memory_mb, node.open_files
        yield node
        assert await client.within(5).can("doc:1#view@user:1")
        assert node.memory_mb - before_mb < MOST_GROWTH_MB
        assert node.open_files < files + 100
