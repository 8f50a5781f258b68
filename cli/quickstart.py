"""``ringward quickstart``: a node with sample data and a first answer, to see what this is about."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import grpc.aio

from api.rest.settings import RestSettings
from api.rpc.watch import WatchSettings
from cli.answers import GrpcAnswers
from cli.documents import UnusableFile
from cli.running import run_until_signal
from cli.sample import demonstrate, read_sample
from cli.serve import describe_node, start_logs
from cli.terminal import give_up, say
from cli.validation_file import ValidationFile
from model.errors import Unavailable
from node.node import open_node
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from telemetry.logs import LogLevel

_HOST = "127.0.0.1"
_USUAL_PORT = 3478

_EPILOG = """\b
Examples:
  ringward quickstart          serve the sample until Ctrl-C
  ringward quickstart --once   show the first answer and stop

The data lives in a new temporary folder, which is removed at the end."""


@click.command(epilog=_EPILOG, short_help="Start a node with sample data and ask it something.")
@click.option("--once", is_flag=True, help="Stop after the first answers instead of serving on.")
def quickstart(once: bool) -> None:
    """Start a node with sample data, ask it something over gRPC, and serve until Ctrl-C."""
    start_logs(LogLevel.WARN, is_json=False)
    try:
        file = read_sample()
    except UnusableFile as error:
        give_up(*error.problems)
    with tempfile.TemporaryDirectory(prefix="ringward-") as folder:
        settings = NodeSettings(
            host=_HOST,
            grpc_port=_USUAL_PORT,
            database=DatabaseSettings(engine=DatabaseEngine.SQLITE, path=Path(folder) / "ringward.db"),
            watch=WatchSettings(enabled=True),
            http=RestSettings(),
        )
        run_until_signal(partial(_run, file, settings, once))


async def _run(file: ValidationFile, settings: NodeSettings, once: bool, stop: asyncio.Event) -> None:
    """Show a first answer as any client gets it, through the socket, then serve on."""
    async with AsyncExitStack() as stack:
        try:
            node = await stack.enter_async_context(open_node(settings))
        except Unavailable:
            say("the usual ports are taken, so this node uses free ones", style="yellow")
            elsewhere = replace(settings, grpc_port=0, http=RestSettings(port=0))
            node = await stack.enter_async_context(open_node(elsewhere))
        say(describe_node(node))
        async with grpc.aio.insecure_channel(node.grpc_address) as channel:
            await demonstrate(GrpcAnswers(channel), file, address=node.grpc_address)
        if not once:
            say("\nserving until Ctrl-C", style="bold")
            await node.serve_until(stop)
