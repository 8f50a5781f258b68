"""``ringward quickstart``: a node with sample data and a first answer, to see what this is about."""

from __future__ import annotations

import asyncio
import shlex
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import grpc.aio
from google.protobuf import json_format

from api.rest.settings import RestSettings
from api.rpc.watch import WatchSettings
from cli.answers import CHECK, Answers, GrpcAnswers
from cli.documents import UnusableFile, read_document
from cli.running import run_until_signal
from cli.serve import describe_node, start_logs
from cli.terminal import give_up, say
from cli.validation_file import CheckCase, ValidationFile
from cli.validation_reader import read_validation_file
from cli.validation_requests import check_request
from cli.validation_run import Assertion, Result, assertions_of, load, settle
from model.errors import Unavailable
from node.node import open_node
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from telemetry.logs import LogLevel

_SAMPLE = Path(__file__).parents[1] / "examples" / "drive.yaml"
_HOST = "127.0.0.1"
_USUAL_PORT = 3478
_SHOWN = 4  # questions of the sample: enough to see both answers

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
        file = read_validation_file(read_document(str(_SAMPLE)))
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
            await _demonstrate(GrpcAnswers(channel), file, address=node.grpc_address)
        if not once:
            say("\nserving until Ctrl-C", style="bold")
            await node.serve_until(stop)


async def _demonstrate(server: Answers, file: ValidationFile, *, address: str) -> None:
    await load(server, file)
    say(f"\nloaded {_SAMPLE.name}: {len(file.relationships)} relationships, {len(file.attributes)} attributes")
    assertions = assertions_of(file)
    outcomes = [await settle(server, assertion) for assertion in assertions]
    wrong = [outcome for outcome in outcomes if outcome.result is not Result.PASSED]
    if wrong:
        raise Unavailable(
            f"{len(wrong)} sample questions are not answered as expected; see ringward validate {_SAMPLE}"
        )
    for outcome in outcomes[:_SHOWN]:
        say(f"  {outcome.assertion.title}?  {'allowed' if outcome.actual else 'denied'}", style="green")
    say(f"all {len(outcomes)} sample questions are answered as expected")
    say("\nAsk it yourself:", style="bold")
    say(_ask_command(assertions[0], address))
    say(f"Read the sample, change it, and test it: ringward validate {_SAMPLE}")


def _ask_command(assertion: Assertion, address: str) -> str:
    """The first question as a grpcurl command."""
    if not isinstance(assertion.case, CheckCase):
        raise TypeError("the sample begins with a check")
    request = check_request(assertion.case, assertion.permission)
    body = json_format.MessageToJson(request, preserving_proto_field_name=True, indent=None)
    return f"  grpcurl -plaintext -d {shlex.quote(body)} {address} {CHECK.removeprefix('/')}"
