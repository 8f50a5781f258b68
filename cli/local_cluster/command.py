"""``ringward local-cluster``: a whole cluster on this machine, to play with; ``make cluster`` runs it."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import click
import grpc.aio

from cli.answers import GrpcAnswers
from cli.cluster_report import members_table
from cli.config import cluster_access, load_configuration
from cli.documents import UnusableFile
from cli.local_cluster.layout import Layout, NodeLayout
from cli.local_cluster.processes import Started, run_to_end, running
from cli.local_cluster.programs import Programs, as_plain_user, give_to_plain_user
from cli.running import run_until_signal
from cli.sample import demonstrate, read_sample
from cli.terminal import give_up, say
from cli.validation_file import ValidationFile
from cluster.invoker.answers import NoAnswer
from cluster.peers.description import Description, Silence
from model.errors import Misconfigured, Unavailable
from node.distant import oversight_of

_SERVER_S = 30.0
_NODE_S = 60.0  # they migrate, and find each other
_RING_S = 30.0
_LOOK_AGAIN_S = 0.2
_RINGWARD = (sys.executable, "-c", "from cli.main import main; main()")  # ours, whichever is on the path


@click.command("local-cluster", hidden=True)
@click.option("--once", is_flag=True, help="Stop after the first answers instead of serving on.")
def local_cluster(once: bool) -> None:
    """Run three nodes in two zones on loopback, with PostgreSQL, Redis, serf agents and a load balancer."""
    try:
        file, programs = read_sample(), Programs.found()
    except UnusableFile as error:
        give_up(*error.problems)
    except Misconfigured as error:
        give_up(str(error))
    with tempfile.TemporaryDirectory(prefix="ringward-cluster-", ignore_cleanup_errors=True) as folder:
        run_until_signal(partial(_run_unless_told, file, programs, Layout.of(Path(folder)), once))


async def _run_unless_told(
    file: ValidationFile, programs: Programs, layout: Layout, once: bool, stop: asyncio.Event
) -> None:
    """Run until told to stop, which may be before everything is there; all that was started has ended then."""
    async with asyncio.TaskGroup() as group:
        told = group.create_task(stop.wait())
        playing = group.create_task(_play(file, programs, layout, once))
        await asyncio.wait((told, playing), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        playing.cancel()


async def _play(file: ValidationFile, programs: Programs, layout: Layout, once: bool) -> None:
    layout.folder.chmod(0o755)
    layout.write(programs.serf)
    say("starting PostgreSQL, Redis, three nodes with a serf agent each, and HAProxy")
    async with AsyncExitStack() as stack:
        await _start_servers(stack, programs, layout)
        nodes = [await stack.enter_async_context(_node(layout, node)) for node in layout.nodes]
        stack.callback(_tell_to_stop, nodes)
        for node, started in zip(layout.nodes, nodes, strict=True):
            await started.wait_until_listening(node.ports.grpc, within_s=_NODE_S)
        await _wait_for_ring(layout)
        balancer = await stack.enter_async_context(
            running("haproxy", [programs.haproxy, "-db", "-f", str(layout.balancer_file)], layout.folder)
        )
        await balancer.wait_until_listening(layout.grpc, within_s=_SERVER_S)
        address = f"127.0.0.1:{layout.grpc}"
        async with grpc.aio.insecure_channel(address) as channel:
            await demonstrate(GrpcAnswers(channel), file, address=address)
        members = f"ringward cluster members -c {layout.file_of(layout.nodes[0])}"
        say(f"\n$ {members}", style="bold")
        members_table(await _described(layout, layout.nodes[0])).print()
        if not once:
            _tell(layout, nodes)
            await _tell_who_ends(nodes)


async def _start_servers(stack: AsyncExitStack, programs: Programs, layout: Layout) -> None:
    """PostgreSQL and Redis, of which nothing is kept."""
    folder = layout.folder / "postgres"
    folder.mkdir()
    give_to_plain_user(folder)
    user = as_plain_user()
    options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    await run_to_end("initdb", [programs.initdb, "-D", str(folder), *options], layout.folder, through=user)
    settings = {
        "port": layout.postgres,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
    }
    command = [programs.postgres, "-D", str(folder), *(f"--{name}={value}" for name, value in settings.items())]
    database = await stack.enter_async_context(running("postgres", command, layout.folder, through=user))
    command = [programs.redis, "--port", str(layout.redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    redis = await stack.enter_async_context(running("redis", command, layout.folder))
    await redis.wait_until_listening(layout.redis, within_s=_SERVER_S)
    await database.wait_until_listening(layout.postgres, within_s=_SERVER_S)


@asynccontextmanager
async def _node(layout: Layout, node: NodeLayout) -> AsyncIterator[Started]:
    command = [*_RINGWARD, "serve", "--config", str(layout.file_of(node))]
    async with running(node.name, command, layout.folder) as started:
        yield started


def _tell_to_stop(nodes: list[Started]) -> None:
    """All at once, so that they leave side by side."""
    for node in nodes:
        node.tell_to_stop()


async def _wait_for_ring(layout: Layout) -> None:
    """Return once each node has all in its ring. Raises Unavailable if that takes too long."""
    try:
        async with asyncio.timeout(_RING_S):
            for node in layout.nodes:
                while not await _sees_all(layout, node):  # noqa: ASYNC110 - it is another process that knows
                    await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError:
        raise Unavailable(f"the nodes have not found each other within {_RING_S:g} s") from None


async def _sees_all(layout: Layout, node: NodeLayout) -> bool:
    try:
        first, *_ = await _described(layout, node)
    except NoAnswer:
        return False
    return isinstance(first, Description) and len(first.places) == len(layout.nodes)


async def _described(layout: Layout, node: NodeLayout) -> list[Description | Silence]:
    configuration = load_configuration(flags={}, file=layout.file_of(node), environment={})
    return list(await oversight_of(cluster_access(configuration)).describe(with_others=True))


def _tell(layout: Layout, nodes: list[Started]) -> None:
    first, second, third = layout.nodes
    say("\nWhere it is:", style="bold")
    say(f"  gRPC      127.0.0.1:{layout.grpc} (balanced over the nodes)")
    say(f"  HTTP      http://127.0.0.1:{layout.rest}/v1 (browse http://127.0.0.1:{layout.rest}/docs)")
    say(f"  balancer  http://127.0.0.1:{layout.page}/")
    for node, started in zip(layout.nodes, nodes, strict=True):
        say(f"  {node.name}    process {started.process.pid}, peers at {node.address}, log in {started.log}")
    say("\nTry, and go on asking meanwhile:", style="bold")
    say(f"  ringward cluster status -c {layout.file_of(first)}")
    say(f"  ringward cluster owner t1 document:budget view user:ben -c {layout.file_of(first)}")
    say(f"  ringward cluster drain {second.address} -c {layout.file_of(first)}      # it leaves in good order")
    say(f"  kill -9 {nodes[2].process.pid}      # {third.name} does not")
    say(f"  ringward serve -c {layout.file_of(third)}      # and is back")
    say("\nserving until Ctrl-C", style="bold")


async def _tell_who_ends(nodes: list[Started]) -> None:
    """Say when a node has ended, for as long as this runs."""

    async def tell(node: Started) -> None:
        code = await node.process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else "has stopped"
        say(f"{node.name} {how}", style="yellow")

    async with asyncio.TaskGroup() as group:
        for node in nodes:
            group.create_task(tell(node))
        await asyncio.Event().wait()
