"""What asking a peer costs, both ends together, by how many ask at once.

Run ``python -m bench.asks_cost [--asks 20000] [--grpcio]``. Asking and answering node are processes of their own that
talk over loopback, by the native transport unless told otherwise. The answering one answers at once (as from its
cache), or after a pause (as one that reads its store first); so all that is measured is the way there and back. Callers
ask again as soon as they are answered, or after a pause of random length: then they do not fall into step.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import random
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import uvloop

from bench.machine import machine
from cluster.invoker.answers import Answered, Evidence
from cluster.invoker.warm_up import KeptAnswer
from cluster.member import Member
from cluster.peers.card import PROTOCOLS, Card, CardState
from cluster.peers.channels import Channels
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.host import PeerHost
from cluster.peers.lines import GrpcLines, Lines
from cluster.peers.native_host import NativePeerHost
from cluster.peers.native_lines import NativeLines
from cluster.peers.peers import Peers
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from model.check import CheckAnswer, CheckRequest, Question, Verdict
from model.snapshot import Snapshot
from model.tuples import EntityRef, SubjectRef
from telemetry.logs import LogLevel, configure_logs

_NOW = Snapshot.at_commit(1_000_000)
_KEYS = tuple(range(2**63, 2**63 + 12))


@dataclass(frozen=True, slots=True)
class Load:
    """One measurement. grpcio: instead of the native transport.

    answer_s: how long the answering node takes; pause_s: of a caller between asks, on average.
    """

    callers: int
    asks: int
    grpcio: bool = False
    answer_s: float = 0.0
    pause_s: float = 0.0
    wants_evidence: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What a load took."""

    load: Load
    asking_s: float
    answering_s: float
    wall_s: float
    latencies_s: Sequence[float]


class _Answers:
    def __init__(self, answer_s: float) -> None:
        self._answer_s = answer_s

    async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:  # noqa: ARG002 - a port
        if self._answer_s:
            await asyncio.sleep(self._answer_s)
        evidence = Evidence(_NOW, _NOW, "7a31c9de", _KEYS) if wants_evidence else None
        return Answered((CheckAnswer(Verdict.ALLOWED, 3),), _NOW, "cj5n0qk2g5gs73c9k1rg", evidence)


async def _nothing(newcomer: Member, most: int) -> Sequence[KeptAnswer]:  # noqa: ARG001
    return ()


def serve(parent: Connection, answer_s: float, grpcio: bool) -> None:
    """Answer until told to stop; tell the CPU used so far whenever asked."""

    async def run() -> None:
        key, settings = ClusterKey(), PeerSettings()
        card = Card(key.digest, PROTOCOLS, Member("answering"), CardState.SERVING)
        service = PeerService(
            _Answers(answer_s),
            Greeter("answering", key, PROTOCOLS),
            settings,
            card=lambda: card,
            hears_farewell=lambda _: None,
            gives=_nothing,
        )
        made: type[PeerHost | NativePeerHost] = PeerHost if grpcio else NativePeerHost
        host = made(service, settings, listens_at="127.0.0.1:0")
        await host.start()
        parent.send(f"127.0.0.1:{host.port}")
        while await asyncio.to_thread(parent.recv) != "stop":
            parent.send(_cpu_s())
        await host.stop(0.1)

    uvloop.run(run())


async def drive(address: str, server: Connection, load: Load) -> Cost:
    """Ask as the load says, after a tenth as many asks to warm up."""
    settings = PeerSettings()
    channels, native_lines = Channels(settings), NativeLines(settings)
    lines: Lines = GrpcLines(channels) if load.grpcio else native_lines
    dialler = Dialler(Greeter("asking", ClusterKey(), PROTOCOLS), settings, channels, lines)
    peers = Peers(dialler, settings, hears_farewell=lambda _: None, doubts=lambda _: None)
    randomness = random.Random(1)
    latencies_s: list[float] = []

    async def call(numbers: list[int]) -> None:
        while numbers:
            question = Question(EntityRef("document", f"d{numbers.pop()}"), "view", SubjectRef("user", "u42"))
            began_s = time.perf_counter()
            await peers.ask(
                address, CheckRequest("t1", (question,), 20), timeout_s=10.0, wants_evidence=load.wants_evidence
            )
            latencies_s.append(time.perf_counter() - began_s)
            if load.pause_s:
                await asyncio.sleep(randomness.expovariate(1 / load.pause_s))

    async def all_ask(asks: int) -> None:
        numbers = list(range(asks))
        async with asyncio.TaskGroup() as group:
            for _ in range(load.callers):
                group.create_task(call(numbers))

    async with native_lines.running(), peers.running():
        await all_ask(load.asks // 10)
        latencies_s.clear()
        server.send("cpu")
        answering_s, asking_s, began_s = server.recv(), _cpu_s(), time.perf_counter()
        await all_ask(load.asks)
        wall_s, asking_s = time.perf_counter() - began_s, _cpu_s() - asking_s
        server.send("cpu")
        return Cost(load, asking_s, server.recv() - answering_s, wall_s, latencies_s)


def measure(load: Load) -> Cost:
    """Start the answering process, drive the load, stop it."""
    context = multiprocessing.get_context("spawn")
    server, server_end = context.Pipe()
    process = context.Process(target=serve, args=(server_end, load.answer_s, load.grpcio), daemon=True)
    process.start()
    try:
        cost = uvloop.run(drive(server.recv(), server, load))
        server.send("stop")
        process.join(timeout=10)
        return cost
    finally:
        process.kill()


def _row(cost: Cost) -> str:
    load = cost.load
    quantiles = statistics.quantiles(cost.latencies_s, n=100)
    asking_us, answering_us = (1e6 * spent_s / load.asks for spent_s in (cost.asking_s, cost.answering_s))
    return (
        f"| {load.callers} | {1e3 * load.answer_s:g} | {1e3 * load.pause_s:g} | {load.wants_evidence}"
        f" | {asking_us:.0f} + {answering_us:.0f} | {asking_us + answering_us:.0f} | {load.asks / cost.wall_s:.0f}"
        f" | {1e3 * quantiles[49]:.2f} | {1e3 * quantiles[98]:.2f} |"
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """The command line."""
    configure_logs(LogLevel.WARN, json=False)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asks", type=int, default=20_000, help="in each measurement (default 20000)")
    parser.add_argument("--grpcio", action="store_true", help="by grpc.aio instead of the native transport")
    arguments = parser.parse_args()
    asks, grpcio = arguments.asks, arguments.grpcio
    print(f"{machine()}\n")
    print("| callers | answer ms | pause ms | evidence | asking + answering, µs CPU | both | per s | p50 ms | p99 ms |")
    print("|--:|--:|--:|--|--:|--:|--:|--:|--:|")
    for callers in (1, 8, 32, 128):
        few = min(asks, 2_000 * callers)
        for load in (
            Load(callers, few, grpcio),
            Load(callers, few, grpcio, wants_evidence=True),
            Load(callers, few // 2, grpcio, pause_s=0.003),
            Load(callers, few // 2, grpcio, answer_s=0.002, pause_s=0.003),
        ):
            print(_row(measure(load)), flush=True)


if __name__ == "__main__":
    main()
