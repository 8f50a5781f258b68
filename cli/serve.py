"""``ringward serve``: a node that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import click
import structlog

from cli.config import Configuration, InvalidConfiguration, node_settings
from cli.running import (
    ToldToStop,
    broken_off_by,
    memory_trimmed,
    open_many_files,
    output_without_waiting,
    run_until_signal,
    spare_the_collector,
)
from cli.setting_options import SettingsCommand, configuration_of
from cli.terminal import give_up, say, takes_colour
from cli.version import installed_version
from node.node import Node, open_node
from node.settings import NodeSettings
from telemetry.log_tap import LogTap
from telemetry.logs import LogLevel, configure_logs

_EPILOG = """\b
Examples:
  ringward serve                               data in a file below your home folder
  ringward serve --database-engine memory      nothing is kept
  ringward serve -c /etc/ringward/config.yaml --log-output json
  RINGWARD_GRPC_PORT=4000 ringward serve

Flags win over RINGWARD_… variables, those over the file, and the file over defaults. PERMIFY_… variables and
configuration files of Permify are understood. `ringward config` shows what counts and why."""


@click.command(cls=SettingsCommand, epilog=_EPILOG, short_help="Run a node.")
def serve(config: Path | None, **given: Sequence[str]) -> None:
    """Run a node until it is told to stop with Ctrl-C or SIGTERM.

    Told so, it turns not ready, leaves the cluster, finishes what it has been asked and stops; told so again, it ends
    at once. Logs never hold it up: lines that nobody takes are dropped, and counted in the log.
    """
    configuration = configuration_of(config, given)
    try:
        settings = node_settings(configuration)
    except InvalidConfiguration as error:
        give_up(*error.problems)
    is_json = configuration.text("logger.output") == "json"
    with output_without_waiting():
        tap = LogTap() if settings.telemetry.logs else None
        start_logs(LogLevel.parse(configuration.text("logger.level")), is_json=is_json, tap=tap)
        open_many_files()
        run_until_signal(partial(_serve, configuration, settings, tap))


def start_logs(level: LogLevel, *, is_json: bool, tap: LogTap | None = None) -> None:
    """Log to the error stream, coloured if it is a terminal that takes colour; and by the tap, if one is given."""
    configure_logs(level, json=is_json, is_coloured=takes_colour(sys.stderr), tap=tap)


def describe_node(node: Node) -> str:
    """Several lines for a person: what runs, where it listens, where its data is, and a first command to try."""
    return "\n".join(
        [
            f"ringward {installed_version()}",
            f"  gRPC      {node.grpc_address} ({_protection(node)})",
            f"  data      {node.storage_place}",
            f"  HTTP      {describe_rest(node)}",
            *_operations(node),
            f"  try       grpcurl {_grpcurl_options(node)} {reachable(node.grpc_address)} list",
        ]
    )


def describe_rest(node: Node) -> str:
    """Where REST is served, and where a browser finds out how it is used."""
    return f"{node.rest_url}/v1 (browse {node.rest_url}/docs)" if node.rest_url else "not served"


def _operations(node: Node) -> Iterator[str]:
    if node.operations_url:
        yield f"  metrics   {node.operations_url}/metrics (health {node.operations_url}/readyz)"
    if node.profiler_url:
        yield f"  profiles  {node.profiler_url}/debug/pprof/"


def reachable(address: str) -> str:
    """An address to call from this machine: that of a node on every interface becomes localhost."""
    host, _, port = address.rpartition(":")
    return f"localhost:{port}" if host in ("", "0.0.0.0", "[::]") else address  # noqa: S104  (compared, not bound)


def _protection(node: Node) -> str:
    encryption = "encrypted" if node.is_grpc_encrypted else "no encryption"
    return f"{encryption}, {'callers show a token' if node.asks_for_tokens else 'no authentication'}"


def _grpcurl_options(node: Node) -> str:
    encryption = "-cacert ca.pem" if node.is_grpc_encrypted else "-plaintext"
    return f"{encryption} -H 'authorization: Bearer TOKEN'" if node.asks_for_tokens else encryption


async def _serve(configuration: Configuration, settings: NodeSettings, tap: LogTap | None, stop: asyncio.Event) -> None:
    log = structlog.get_logger()
    for warning in configuration.warnings:
        log.warning(warning)
    async with AsyncExitStack() as stack:
        try:
            async with broken_off_by(stop):
                node = await stack.enter_async_context(open_node(settings, tap))
        except ToldToStop:
            log.info("told to stop before the node was started")
            return
        if configuration.text("logger.output") != "json":
            say(describe_node(node))
        log.info(
            "node started",
            version=installed_version(),
            grpc=node.grpc_address,
            data=node.storage_place,
            http=node.rest_url or "not served",
            metrics=node.operations_url or "not served",
        )
        spare_the_collector()
        async with memory_trimmed():
            await node.serve_until(stop)
    log.info("node stopped")
