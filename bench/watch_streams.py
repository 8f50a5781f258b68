"""What a thousand open watch streams cost a node: its memory and CPU, and how soon each change arrives.

Run ``python -m bench.watch_streams [--streams 1000] [--tenants 1]``. Node, clients and writer are processes of their
own that talk over loopback; everything ends by itself after ``--seconds``. Each change carries the time at which its
writing began, so latency is that of the write, of the fan-out and of the client reading it.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from google.protobuf.message import Message

from api.rpc.watch import WatchSettings
from bench.machine import machine, peak_memory_mb
from node.node import open_node
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb

SCHEMA = "entity user {}\nentity document { relation viewer @user }"
STREAMS_PER_CONNECTION = 100


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of the node."""

    streams: int
    tenants: int
    writes_per_s: float
    seconds: float
    clients: int


@dataclass(frozen=True, slots=True)
class ServerCost:
    """What the run took of the node's process."""

    cpu_s: float
    peak_mb: float


def serve(parent: Connection, folder: Path) -> None:
    """Serve until told to stop; then tell what it cost."""

    async def run() -> None:
        settings = NodeSettings(
            host="127.0.0.1",
            grpc_port=0,
            grace_s=1.0,
            database=DatabaseSettings(engine=DatabaseEngine.SQLITE, path=folder / "bench.db"),
            watch=WatchSettings(enabled=True),
        )
        async with open_node(settings) as node:
            parent.send(node.grpc_address)
            await asyncio.to_thread(parent.recv)  # the streams are open
            began_s = _cpu_s()
            parent.send(peak_memory_mb())
            await asyncio.to_thread(parent.recv)  # the load is over
            parent.send(ServerCost(_cpu_s() - began_s, peak_memory_mb()))
            await asyncio.to_thread(parent.recv)  # the streams are closed

    asyncio.run(run())


def follow(parent: Connection, address: str, tenants: Sequence[str]) -> None:
    """Follow each of the tenants given, with a stream for each mention, until told to stop; then tell the latencies."""

    async def run() -> None:
        latencies_s: list[float] = []
        async with AsyncExitStack() as channels, asyncio.TaskGroup() as group:
            calls = []
            for start in range(0, len(tenants), STREAMS_PER_CONNECTION):
                channel = await channels.enter_async_context(_channel(address))
                watch = channel.unary_stream(
                    "/base.v1.Watch/Watch",
                    request_serializer=pb.WatchRequest.SerializeToString,
                    response_deserializer=pb.WatchResponse.FromString,
                )
                part = tenants[start : start + STREAMS_PER_CONNECTION]
                calls += [watch(pb.WatchRequest(tenant_id=tenant)) for tenant in part]
            for call in calls:
                await call.initial_metadata()
            readers = [group.create_task(_note(call, latencies_s)) for call in calls]
            parent.send(len(readers))
            await asyncio.to_thread(parent.recv)
            for reader in readers:
                reader.cancel()
        parent.send(latencies_s)

    asyncio.run(run())


async def _note(call: grpc.aio.UnaryStreamCall[Message, pb.WatchResponse], latencies_s: list[float]) -> None:
    async for response in call:
        now_ns = time.monotonic_ns()
        latencies_s += [(now_ns - int(change.tuple.subject.id)) / 1e9 for change in response.changes.data_changes]


def _channel(address: str) -> grpc.aio.Channel:
    # without its own pool of subchannels a process would share one connection among all channels
    return grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


async def _write(address: str, load: Load) -> list[float]:
    """Write at the rate, tenant after tenant; beside each write ask for something. How long each asking took."""
    async with _channel(address) as channel:
        write = channel.unary_unary(
            "/base.v1.Data/Write",
            request_serializer=pb.DataWriteRequest.SerializeToString,
            response_deserializer=pb.DataWriteResponse.FromString,
        )
        list_tenants = channel.unary_unary(
            "/base.v1.Tenancy/List",
            request_serializer=pb.TenantListRequest.SerializeToString,
            response_deserializer=pb.TenantListResponse.FromString,
        )
        began_s, askings_s = time.monotonic(), []
        for number in range(int(load.seconds * load.writes_per_s)):
            await asyncio.sleep(began_s + number / load.writes_per_s - time.monotonic())
            row = base.Tuple(
                entity=base.Entity(type="document", id=str(number)),
                relation="viewer",
                subject=base.Subject(type="user", id=str(time.monotonic_ns())),
            )
            tenant = _tenant(number % load.tenants)
            await write(
                pb.DataWriteRequest(tenant_id=tenant, metadata=pb.DataWriteRequestMetadata(), tuples=[row]), timeout=30
            )
            asked_s = time.monotonic()
            await list_tenants(pb.TenantListRequest(page_size=1), timeout=30)
            askings_s.append(time.monotonic() - asked_s)
        await asyncio.sleep(1.0)  # what is still under way arrives
    return askings_s


async def _prepare(address: str, tenants: int) -> None:
    async with _channel(address) as channel:
        write = channel.unary_unary(
            "/base.v1.Schema/Write",
            request_serializer=pb.SchemaWriteRequest.SerializeToString,
            response_deserializer=pb.SchemaWriteResponse.FromString,
        )
        for number in range(tenants):
            await write(pb.SchemaWriteRequest(tenant_id=_tenant(number), schema=SCHEMA))


def measure(load: Load, folder: Path) -> None:
    """Start the processes, drive the load, print."""
    context = multiprocessing.get_context("spawn")
    server, server_end = context.Pipe()
    processes = [context.Process(target=serve, args=(server_end, folder), daemon=True)]
    processes[0].start()
    address = server.recv()
    asyncio.run(_prepare(address, load.tenants))
    clients = []
    for number in range(load.clients):
        client, client_end = context.Pipe()
        followed = [_tenant(stream % load.tenants) for stream in range(number, load.streams, load.clients)]
        processes.append(context.Process(target=follow, args=(client_end, address, followed), daemon=True))
        processes[-1].start()
        clients.append(client)
    opened = sum(client.recv() for client in clients)
    server.send("begin")
    idle_mb = server.recv()
    askings_s = asyncio.run(_write(address, load))
    server.send("end")
    cost: ServerCost = server.recv()
    latencies_s: list[float] = []
    for client in clients:
        client.send("end")
        latencies_s += client.recv()
    server.send("stop")
    for process in processes:
        process.join(timeout=10)
    _print(load, opened=opened, askings_s=askings_s, idle_mb=idle_mb, cost=cost, latencies_s=latencies_s)


def _print(
    load: Load,
    *,
    opened: int,
    askings_s: Sequence[float],
    idle_mb: float,
    cost: ServerCost,
    latencies_s: Sequence[float],
) -> None:
    writes = len(askings_s)
    followers = [len(range(tenant, load.streams, load.tenants)) for tenant in range(load.tenants)]
    expected = sum(followers[number % load.tenants] for number in range(writes))
    quantiles = statistics.quantiles(latencies_s, n=1000) if len(latencies_s) > 1 else [float("nan")] * 999
    figures = [
        ("streams open", f"{opened} of {load.tenants} tenants"),
        ("writes", f"{writes} in {load.seconds:g} s"),
        ("deliveries", f"{len(latencies_s)} of {expected}"),
        ("server memory with all streams open, at most", f"{idle_mb:.0f} MB"),
        ("server memory at the end, at most", f"{cost.peak_mb:.0f} MB"),
        ("server CPU", f"{cost.cpu_s:.1f} s, {100 * cost.cpu_s / (load.seconds + 1):.0f} % of a core"),
        ("latency, median", f"{quantiles[499] * 1e3:.1f} ms"),
        ("… 99th percentile", f"{quantiles[989] * 1e3:.1f} ms"),
        ("… 99.9th percentile", f"{quantiles[998] * 1e3:.1f} ms"),
        ("… most", f"{max(latencies_s, default=float('nan')) * 1e3:.1f} ms"),
        ("another call right after a write, median", f"{statistics.median(askings_s) * 1e3:.1f} ms"),
        ("… most", f"{max(askings_s) * 1e3:.1f} ms"),
    ]
    print(f"{machine()}\n\n| what | figure |\n|--|--:|")
    for what, figure in figures:
        print(f"| {what} | {figure} |")


def _tenant(number: int) -> str:
    return f"t{number}"


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000, help="open watch streams (default 1000)")
    parser.add_argument("--tenants", type=int, default=1, help="tenants they follow, in equal parts (default 1)")
    parser.add_argument("--writes-per-s", type=float, default=10.0, help="writes a second (default 10)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument("--clients", type=int, default=2, help="client processes (default 2)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringward-bench-") as folder:
        measure(Load(**vars(arguments)), Path(folder))


if __name__ == "__main__":
    main()
