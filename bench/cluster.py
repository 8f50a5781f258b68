"""What a cluster of three nodes costs and how it bears faults: real processes over one PostgreSQL, on this machine.

Run ``python -m bench.cluster``; it takes some five minutes. The drive-like load, 32 callers. CPU is that of all nodes
and of the database: user and system time from /proc. The three ways of a cached check are measured in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import grpc.aio
from google.protobuf.message import Message

from api.convert import tuple_to_proto
from bench.machine import machine
from bench.processes import cpu_s, family
from bench.workload import DRIVE_SCHEMA, DriveWorkload
from cluster.hashring.ring import Ring
from cluster.invoker.keys import routing_key
from cluster.member import Member
from cluster.peers.card import PROTOCOLS
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.description import Description
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.oversight import DistantOversight
from cluster.peers.settings import PeerSettings
from model.check import Question
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.integration.cluster.fleet import KEY, ClusterNode, Fleet, fleet_of
from tests.support.postgres import PostgresServer, migrate, postgres_server

CALLERS = 32
CONNECTIONS = 4  # to each node
TENANT = "bench"
DEPTH = 100
TUPLES = 50_000
KEYS = 2_000  # what is asked about; all of it fits into the caches
HOT = 100
TURNS = 6
WITHOUT_WARM_UP = "import node.cluster as it; it._MOST_TAKEN_OVER = 0; from cli.main import main; main()"

Ask = tuple[str, Question]  # of a node, by name


class Cost(NamedTuple):
    """What some calls cost: CPU seconds of nodes and database, and seconds each took."""

    nodes_s: float = 0.0
    database_s: float = 0.0
    times_s: tuple[float, ...] = ()

    def plus(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(self.nodes_s + other.nodes_s, self.database_s + other.database_s, (*self.times_s, *other.times_s))

    @property
    def us(self) -> float:
        """µs of CPU per call."""
        return (self.nodes_s + self.database_s) / len(self.times_s) * 1e6

    def row(self, name: str, beside: Cost) -> str:
        """A row of the table, relative to another cost."""
        nodes, database = (spent_s / len(self.times_s) * 1e6 for spent_s in (self.nodes_s, self.database_s))
        return (
            f"| {name} | {nodes:.0f} + {database:.0f} | {self.us:.0f} | {self.us / beside.us:.2f}"
            f" | {_percentile(self.times_s, 50) * 1e3:.1f} | {_percentile(self.times_s, 99) * 1e3:.1f} |"
        )


class Cluster:
    """The nodes under measurement, called over gRPC."""

    def __init__(self, fleet: Fleet, database: PostgresServer, channels: dict[str, list[grpc.aio.Channel]]) -> None:
        self.fleet = fleet
        self.version = ""
        self._database = database
        self._channels = {name: cycle(some) for name, some in channels.items()}

    @classmethod
    @asynccontextmanager
    async def over(cls, fleet: Fleet, database: PostgresServer) -> AsyncIterator[Cluster]:
        """Callers with some connections to each node."""
        async with AsyncExitStack() as stack:
            channels = {
                node.name: [
                    await stack.enter_async_context(
                        grpc.aio.insecure_channel(node.client_address, [("grpc.use_local_subchannel_pool", 1)])
                    )
                    for _ in range(CONNECTIONS)
                ]
                for node in fleet.nodes
            }
            yield cls(fleet, database, channels)

    async def load(self, workload: DriveWorkload) -> None:
        """The schema and all tuples."""
        raw = await self._call("a", "Schema/Write", pb.SchemaWriteRequest(tenant_id=TENANT, schema=DRIVE_SCHEMA))
        self.version = pb.SchemaWriteResponse.FromString(raw).schema_version
        rows = workload.tuples()
        while batch := [tuple_to_proto(row) for row in islice(rows, 500)]:
            await self._write(*batch)

    async def grant(self, workload: DriveWorkload, chance: random.Random) -> None:
        """One write somewhere in the data."""
        document, user = chance.randrange(workload.documents), chance.randrange(workload.users)
        await self._write(
            base.Tuple(
                entity=base.Entity(type="document", id=f"d{document}"),
                relation="viewer",
                subject=base.Subject(type="user", id=f"u{user}"),
            )
        )

    async def check(self, ask: Ask) -> None:
        """Ask a node."""
        name, question = ask
        await self._call(
            name,
            "Permission/Check",
            pb.PermissionCheckRequest(
                tenant_id=TENANT,
                metadata=pb.PermissionCheckRequestMetadata(depth=DEPTH),
                entity=base.Entity(type=question.entity.type, id=question.entity.id),
                permission=question.permission,
                subject=base.Subject(type=question.subject.type, id=question.subject.id),
            ),
        )

    async def cost(self, asks: Sequence[Ask]) -> Cost:
        """Ask, ``CALLERS`` at a time."""
        before = self._cpu_s()
        times_s = await at_once([lambda ask=ask: self.check(ask) for ask in asks])  # type: ignore[misc]
        nodes_s, database_s = (after - earlier for after, earlier in zip(self._cpu_s(), before, strict=True))
        return Cost(nodes_s, database_s, tuple(times_s))

    async def given(self, names: str) -> int:
        """How many answers the caches of nodes have given so far."""
        return sum([(await self._description(name)).counts.cache.given for name in names])

    def owners(self, names: str) -> Callable[[Question], str]:
        """Who owns a question, if these nodes serve: a node by name."""
        by_address = {self.fleet[name].address: name for name in names}
        ring = Ring.of(map(Member, by_address))
        return lambda question: by_address[ring.owner(routing_key(TENANT, self.version, question))]

    async def _description(self, name: str) -> Description:
        dialler = Dialler(Greeter("bench", ClusterKey(KEY), PROTOCOLS), PeerSettings())
        (found,) = await DistantOversight(dialler, self.fleet[name].address).describe(with_others=False)
        assert isinstance(found, Description)
        return found

    async def _write(self, *tuples: base.Tuple) -> None:
        metadata = pb.DataWriteRequestMetadata()
        await self._call("a", "Data/Write", pb.DataWriteRequest(tenant_id=TENANT, metadata=metadata, tuples=tuples))

    async def _call(self, name: str, method: str, request: Message) -> bytes:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = next(self._channels[name]).unary_unary(
            f"/base.v1.{method}"
        )
        return await call(request.SerializeToString(), timeout=10)

    def _cpu_s(self) -> tuple[float, float]:
        pids = [pid for node in self.fleet.nodes if node.is_running for pid in family(node.pid)]
        return cpu_s(pids), cpu_s(family(self._database.pid))


async def at_once(calls: Iterable[Callable[[], Awaitable[None]]]) -> list[float]:
    """Make calls, ``CALLERS`` at a time: how long each took, in seconds."""
    waiting = iter(calls)
    times_s: list[float] = []

    async def caller() -> None:
        for call in waiting:
            began_s = time.perf_counter()
            await call()
            times_s.append(time.perf_counter() - began_s)

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(caller())
    return times_s


async def measure_ways(cluster: Cluster, questions: Sequence[Question]) -> None:
    """A cached check at its owner, at another node, and at another node that keeps it near."""
    owner = cluster.owners("abc")
    others = {name: [other for other in "abc" if other != name] for name in "abc"}
    hot = questions[:HOT]
    cold = questions[HOT:]
    for _ in range(2):
        await cluster.cost([(owner(question), question) for question in questions])
    for _ in range(8):
        await cluster.cost([(other, question) for question in hot for other in others[owner(question)]])
    totals = [Cost(), Cost(), Cost()]
    for turn in range(TURNS):  # each question thrice at either of the others, so none becomes hot
        ways = (
            [(owner(question), question) for question in cold],
            [(others[owner(question)][turn % 2], question) for question in cold],
            [(other, question) for question in hot for other in others[owner(question)]] * (len(cold) // HOT // 2),
        )
        for number, asks in enumerate(ways):
            totals[number] = totals[number].plus(await cluster.cost(asks))
    print("| a cached check | nodes + database, µs CPU | both | relative | p50 ms | p99 ms |\n|--|--:|--:|--:|--:|--:|")
    for name, total in zip(
        ("at its owner", "at another node, passed on", "at another node, kept near"), totals, strict=True
    ):
        print(total.row(name, totals[0]), flush=True)


async def measure_hits(cluster: Cluster, workload: DriveWorkload, questions: Sequence[Question]) -> None:
    """How often a cache has the answer, without writes and with one for every hundred checks, anywhere in the data."""
    chance = random.Random(5)
    rates = []
    for writes_per_check in (0.0, 0.01):
        before = await cluster.given("abc")
        calls: list[Callable[[], Awaitable[None]]] = []
        for number in range(2 * KEYS):
            ask = (chance.choice("abc"), questions[number % KEYS])
            calls.append(lambda ask=ask: cluster.check(ask))  # type: ignore[misc]
            if chance.random() < writes_per_check:
                calls.append(lambda: cluster.grant(workload, chance))
        await at_once(calls)
        rates.append((await cluster.given("abc") - before) / (2 * KEYS))
    print("\n| hit rate | |\n|--|--:|")
    print(f"| read only | {rates[0]:.1%} |\n| with 1 % writes | {rates[1]:.1%}, {rates[1] / rates[0]:.1%} of that |")


async def measure_joining(cluster: Cluster, questions: Sequence[Question]) -> None:
    """How often a node that has just joined has the answer to what it owns now."""
    print("\n| a fourth node, asked once what it owns | hit rate |\n|--|--:|")
    for name, how in (("d", "having taken over answers"), ("e", "without")):
        node, owner = cluster.fleet[name], cluster.owners(f"abc{name}")
        await cluster.cost([(cluster.owners("abc")(question), question) for question in questions])
        began_s = time.monotonic()
        node.start()
        await node.serves(members=4)
        started_s = time.monotonic() - began_s
        asks = [(name, question) for question in questions if owner(question) == name]
        before = await cluster.given(name)
        await cluster.cost(asks)
        rate = (await cluster.given(name) - before) / len(asks)
        taken = sum(event["answers"] for event in node.events("answers were taken over"))
        print(f"| {how}: {taken}, ready after {started_s:.1f} s | {rate:.1%} |", flush=True)
        await asyncio.to_thread(node.end)
        for other in "abc":
            await cluster.fleet[other].serves(members=3)


async def measure_death(cluster: Cluster, questions: Sequence[Question]) -> None:
    """What callers notice of a node that is killed; they leave it out once it has failed."""
    times: list[tuple[float, float]] = []
    failures: list[grpc.StatusCode | None] = []
    alive = set("abc")
    is_over = False
    asked = cycle(questions)

    async def caller(chance: random.Random) -> None:
        while not is_over:
            name, began_s = chance.choice(sorted(alive)), time.monotonic()
            try:
                await cluster.check((name, next(asked)))
            except grpc.aio.AioRpcError as error:
                failures.append(error.code() if name == "c" else None)
                alive.discard(name)
            times.append((time.monotonic(), time.monotonic() - began_s))

    async with asyncio.TaskGroup() as group:
        for number in range(CALLERS):
            group.create_task(caller(random.Random(number)))
        await asyncio.sleep(5)
        killed_at_s = time.monotonic()
        cluster.fleet["c"].stop()
        await asyncio.sleep(10)
        is_over = True
    usual_s = _percentile([took_s for at_s, took_s in times if at_s < killed_at_s], 99)
    print(f"\n| killed with -9: {failures.count(None)} errors of others, {len(failures)} in flight on it | p99 ms |")
    print(f"|--|--:|\n| before | {usual_s * 1e3:.0f} |")
    for window in range(10):
        starts_s = killed_at_s + window
        took = [took_s for at_s, took_s in times if starts_s <= at_s < starts_s + 1]
        print(f"| second {window + 1} | {_percentile(took, 99) * 1e3:.0f} |" if took else "| nothing answered | |")


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


async def run(tuples: int) -> None:
    """Load, measure, print."""
    workload = DriveWorkload(tuples)
    questions = list(workload.questions(KEYS))
    print(f"{machine()}; {tuples} tuples, {CALLERS} callers, {KEYS} questions\n")
    with (
        tempfile.TemporaryDirectory(prefix="ringward-bench-", dir="/tmp") as folder,
        postgres_server(shared_buffers="1GB", fsync="on", synchronous_commit="on", full_page_writes="on") as database,
    ):
        migrate(database.uri())
        option = f"--database-uri={database.uri()}"
        nodes = [ClusterNode(name, Path(folder), option, "--log-level=info") for name in "abcd"]
        nodes.append(ClusterNode("e", Path(folder), option, program=WITHOUT_WARM_UP))
        addresses = [f"127.0.0.1:{node.peer_port}" for node in nodes]
        for node, address in zip(nodes, addresses, strict=True):
            node.point_to(f"static://{','.join(addresses)}", address)
        with fleet_of(nodes, is_wired=False) as fleet:
            await fleet.begins_anew()
            async with Cluster.over(fleet, database) as cluster:
                await cluster.load(workload)
                await measure_ways(cluster, questions)
                await measure_hits(cluster, workload, questions)
                await measure_joining(cluster, questions)
                await measure_death(cluster, questions)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuples", type=int, default=TUPLES, help=f"how many to load (default {TUPLES})")
    asyncio.run(run(parser.parse_args().tuples))


if __name__ == "__main__":
    main()
