"""What all telemetry costs a cached check on real nodes: metrics, 1 % of calls traced, and all of it sent by OTLP.

Run ``python -m bench.telemetry_nodes [--rounds 40]``; it takes some eight minutes. Nodes with other settings over one
PostgreSQL, and the same with stores in memory, are asked in turns by h2load, 32 callers. CPU is that of node and
database; the collector's is not in it. Two nodes of the same settings tell how far the figures can be trusted.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import grpc.aio

from bench.machine import machine
from bench.processes import family, free_ports, port_open, running_s
from tests.cli.program import RINGWARD, ROOT
from tests.support.client import Client, check_request
from tests.support.postgres import PostgresServer, migrate, postgres_server

CHECKS = 10_000  # in one turn: a second
SCHEMA = "entity user {}\nentity doc {\n relation viewer @user\n permission view = viewer\n}"
QUESTION = "doc:1#view@user:1"
NOTHING = "nothing"


class Node(NamedTuple):
    """One that runs. database: whose CPU counts with its own; None for a store in memory."""

    pid: int
    address: str
    database: PostgresServer | None

    @property
    def cpu_s(self) -> float:
        """What it has taken so far, and the database with it."""
        return running_s(family(self.pid)) + (running_s(family(self.database.pid)) if self.database else 0.0)


def settings(collector: int) -> dict[str, Sequence[str]]:
    """Flags of ``serve`` by what is looked at. collector: its port."""
    to = [f"endpoint=127.0.0.1:{collector}", "insecure"]
    metrics = ["--metrics-enabled", "--metrics-port=0"]
    traces = ["--tracer-enabled", *(f"--tracer-{each}" for each in (*to, "sample-ratio=0.01"))]
    sent = [f"--{what}-{each}" for what in ("meter", "log") for each in ("enabled", *to)]
    return {
        NOTHING: [],
        "nothing, another node": [],
        "metrics": metrics,
        "traces of 1 %": traces,
        "metrics, traces of 1 %, all sent": [*metrics, *traces, *sent, "--meter-interval=10"],
    }


@contextmanager
def collector() -> Iterator[int]:
    """The port of a process that takes whatever it is sent by HTTP."""
    (port,) = free_ports(1)
    command = (sys.executable, "-m", "bench.telemetry_nodes", f"--collect={port}")
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: S603 - ourselves
        try:
            yield port
        finally:
            process.terminate()


class _Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        pass


@contextmanager
def node(flags: Sequence[str], database: PostgresServer | None) -> Iterator[Node]:
    """One that serves."""
    (port,) = free_ports(1)
    store = ("postgres", f"--database-uri={database.uri()}") if database else ("memory",)
    command = (
        *(sys.executable, "-c", RINGWARD, "serve", f"--grpc-port={port}", "--http-enabled=false"),
        *("--server-host=127.0.0.1", "--server-rate-limit=0", f"--database-engine={store[0]}", *store[1:], *flags),
    )
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ourselves
        try:
            asyncio.run(port_open(port))
            yield Node(process.pid, f"127.0.0.1:{port}", database)
        finally:
            process.terminate()


async def fill(address: str) -> None:
    """Something to ask about."""
    async with grpc.aio.insecure_channel(address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write("doc:1#viewer@user:1")
        assert await client.can(QUESTION)


def cost_us(node: Node, body: Path, checks: int) -> float:
    """µs of CPU for each check of a turn."""
    began_s = node.cpu_s
    command = ("h2load", f"-n{checks}", "-c4", "-m8", f"-d{body}", "-Hcontent-type: application/grpc", "-Hte: trailers")
    where = f"http://{node.address}/base.v1.Permission/Check"
    output = subprocess.run([*command, where], capture_output=True, text=True, check=True).stdout  # noqa: S603 - h2load
    assert f"{checks} succeeded" in output, output
    return (node.cpu_s - began_s) / checks * 1e6


def measure(nodes: dict[str, Node], body: Path, rounds: int) -> dict[str, Sequence[float]]:
    """What a check costs, by what is looked at; turn by turn in an order that changes."""
    costs_us: dict[str, list[float]] = {name: [] for name in nodes}
    for number in range(rounds + 1):
        for name in random.sample(list(nodes), len(nodes)):
            costs_us[name].append(cost_us(nodes[name], body, CHECKS if number else CHECKS // 10))
    return {name: costs[1:] for name, costs in costs_us.items()}  # the first round warmed up


def show(store: str, costs_us: dict[str, Sequence[float]]) -> None:
    """A table. The fastest quarter of the turns counts, since a busy machine only ever adds."""
    least_us = {name: statistics.quantiles(costs, n=4)[0] for name, costs in costs_us.items()}
    beside_us = least_us[NOTHING]
    print(f"| {store} | µs CPU a check | more | of a check | median of all turns |\n|--|--:|--:|--:|--:|")
    for name, cost_us in least_us.items():
        more_us, median_us = cost_us - beside_us, statistics.median(costs_us[name])
        print(f"| {name} | {cost_us:.1f} | {more_us:+.1f} | {more_us / beside_us:+.1%} | {median_us:.1f} |")
    print(flush=True)


def run(rounds: int) -> None:
    """Start, load, measure, print."""
    print(f"{machine()}\n")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringward-bench-", dir="/tmp")))
        database = stack.enter_context(postgres_server(shared_buffers="256MB"))
        port = stack.enter_context(collector())
        migrate(database.uri())
        body = folder / "body"
        raw = check_request(QUESTION).SerializeToString()
        body.write_bytes(struct.pack(">?I", False, len(raw)) + raw)
        for store in (database, None):
            with ExitStack() as running:
                nodes = {name: running.enter_context(node(flags, store)) for name, flags in settings(port).items()}
                for each in nodes.values():
                    asyncio.run(fill(each.address))
                show("PostgreSQL" if store else "in memory", measure(nodes, body, rounds))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help=f"of {CHECKS} checks for each node (default 40)")
    parser.add_argument("--collect", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.collect:
        ThreadingHTTPServer(("127.0.0.1", given.collect), _Taking).serve_forever()
    run(given.rounds)


if __name__ == "__main__":
    main()
