"""The command ``ringward``."""

from __future__ import annotations

import click

from cli.bench import bench
from cli.cluster import cluster
from cli.completion import completion
from cli.coverage import coverage
from cli.local_cluster.command import local_cluster
from cli.migrate import migrate
from cli.quickstart import quickstart
from cli.repair import repair
from cli.serve import serve
from cli.show_ast import show_ast
from cli.show_config import show_config
from cli.validate import validate
from cli.version import installed_version, print_version

_EPILOG = """\b
First steps:
  ringward quickstart                     a node with sample data, and a first answer
  ringward validate examples/drive.yaml   test a schema
  ringward serve                          a node of your own

`ringward COMMAND --help` explains a command."""


@click.group(
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(installed_version(), message="v%(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Ringward answers one question, very often and very fast: may this subject do this to that entity?"""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


_COMMANDS = (
    serve,
    quickstart,
    validate,
    coverage,
    show_ast,
    migrate,
    repair,
    cluster,
    local_cluster,
    bench,
    show_config,
    print_version,
    completion,
)

for _command in _COMMANDS:
    main.add_command(_command)
