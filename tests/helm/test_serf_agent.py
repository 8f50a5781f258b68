"""The serf agent as the chart has it, with a real serf: it takes these arguments, and the probe heals a split."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.helm.chart import Object, container, rendered
from tests.support.eventually import eventually
from tests.support.processes import free_port
from tests.support.serf import serf_program

KEY = "cg8StVXbQJ0gPvMd9o7yrg=="  # 16 bytes, of no use


class Agent:
    """The agent of a pod whose name and ports are its own, as there is one address here."""

    def __init__(self, name: str, keyring: Path) -> None:
        self.name, self.gossip, self._rpc, self._keyring = name, free_port(), free_port(), keyring
        engine = {"engine": "serf", "serf": {"keyringSecret": {"name": "gossip"}}}
        self._container: Object = container(
            rendered("aurora", cluster__membership=engine, ports__gossip=self.gossip).pod, "serf"
        )

    @property
    def command(self) -> list[str]:
        """Its start, where DNS has told it of nobody but itself yet."""
        return self._here([serf_program(), *self._container["command"][1:], *self._container["args"]], finds=self)

    async def probe(self, *, finds: Agent) -> None:
        """Run what Kubernetes runs every few seconds, where DNS tells it of another."""
        command = self._here(self._container["livenessProbe"]["exec"]["command"], finds=finds)
        assert command[0] == "serf"
        await asyncio.to_thread(subprocess.run, [serf_program(), *command[1:]], check=True, capture_output=True)

    async def members(self) -> set[str]:
        """Whom it sees alive."""
        command = [serf_program(), "members", "-status=alive", f"-rpc-addr=127.0.0.1:{self._rpc}"]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        return {line.split()[0] for line in done.stdout.splitlines()} if done.returncode == 0 else set()

    def _here(self, words: list[str], *, finds: Agent) -> list[str]:
        return [
            word.replace("$(POD_NAME)", self.name)
            .replace("$(POD_IP)", "127.0.0.1")
            .replace("127.0.0.1:7373", f"127.0.0.1:{self._rpc}")
            .replace(f"ringward-peers.authz.svc:{self.gossip}", f"127.0.0.1:{finds.gossip}")
            .replace("/keyring/keyring.json", str(self._keyring))
            for word in words
        ]


@contextmanager
def running(agents: Sequence[Agent]) -> Iterator[None]:
    with ExitStack() as started:
        for agent in agents:
            process = subprocess.Popen(agent.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            started.enter_context(process)
            started.callback(process.kill)
        yield


async def test_pods_that_start_apart_come_together(tmp_path: Path) -> None:
    keyring = tmp_path / "keyring.json"
    keyring.write_text(json.dumps([KEY]), encoding="ascii")
    keyring.chmod(0o440)
    agents = Agent("a", keyring), Agent("b", keyring)
    with running(agents):
        for agent in agents:

            async def is_alone(agent: Agent = agent) -> bool:
                return await agent.members() == {agent.name}

            await eventually(is_alone)
        await agents[0].probe(finds=agents[1])

        async def see_each_other() -> bool:
            return [await agent.members() for agent in agents] == [{"a", "b"}] * 2

        await eventually(see_each_other)
