"""serf, with agents that run already and with agents that nodes start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.membership.engine import Engine, Place
from tests.support.processes import free_port
from tests.support.serf import OwnAgents, serf_agents
from tests.support.started_serf import NotedSerf, noted_serf


class SerfEngine:
    """Each place has an agent that falls with it."""

    vanish_s = 15.0

    def __init__(self, agents: OwnAgents) -> None:
        self._agents = agents

    def place(self, cluster: str) -> Place:
        agent = self._agents.new()
        return Place(agent.url(cluster), agent.stop)

    def announce_nonsense(self, cluster: str) -> str:
        agent = self._agents.new()
        agent.command("tags", "-set", f"ringward={cluster}", "-set", "ringward_address=nowhere")
        return agent.name

    def stop(self) -> None:
        self._agents.stop()

    def start(self) -> None:
        self._agents.start()


class StartedSerfEngine:
    """No agent runs where no node announces itself; all agents fall with their nodes."""

    vanish_s = 15.0

    def __init__(self, program: NotedSerf, strangers: OwnAgents) -> None:
        self._program = program
        self._strangers = strangers
        self._gossip: list[str] = []

    def place(self, cluster: str) -> Place:
        bind = f"127.0.0.1:{free_port()}"
        join = f"&join={','.join(self._gossip)}" if self._gossip else ""
        self._gossip.append(bind)
        return Place(
            f"serf://127.0.0.1:{free_port()}?agent=start&cluster={cluster}&bind={bind}{join}"
            f"&binary={self._program.program}&profile=local"
        )

    def announce_nonsense(self, cluster: str) -> str:
        agent = self._strangers.new()
        agent.command("tags", "-set", f"ringward={cluster}", "-set", "ringward_address=nowhere")
        agent.command("join", self._gossip[0])
        return agent.name

    def stop(self) -> None:
        self._program.break_down()
        self._program.kill()

    def start(self) -> None:
        self._program.repair()


@contextmanager
def serf_engine() -> Iterator[Engine]:
    with serf_agents() as agents:
        yield SerfEngine(agents)


@contextmanager
def started_serf_engine() -> Iterator[Engine]:
    with noted_serf() as program, serf_agents() as strangers:
        yield StartedSerfEngine(program, strangers)
