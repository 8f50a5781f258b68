"""The command ``ringward``. A subcommand is loaded when it is called: containers ask for health every few seconds."""

from __future__ import annotations

from importlib import import_module

import click

_EPILOG = """\b
First steps:
  ringward quickstart                     a node with sample data, and a first answer
  ringward validate examples/drive.yaml   test a schema
  ringward serve                          a node of your own

`ringward COMMAND --help` explains a command."""

_COMMANDS = {  # where each is, in the order in which help lists them
    "serve": "cli.serve:serve",
    "health": "cli.health:health",
    "quickstart": "cli.quickstart:quickstart",
    "validate": "cli.validate:validate",
    "coverage": "cli.coverage:coverage",
    "ast": "cli.show_ast:show_ast",
    "migrate": "cli.migrate:migrate",
    "repair": "cli.repair:repair",
    "cluster": "cli.cluster:cluster",
    "local-cluster": "cli.local_cluster.command:local_cluster",
    "bench": "cli.bench:bench",
    "config": "cli.show_config:show_config",
    "version": "cli.version:print_version",
    "completion": "cli.completion:completion",
}


class _LoadedWhenCalled(click.Group):
    """A group whose commands are those of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click calls it
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


def _print_version(context: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked and not context.resilient_parsing:
        from cli.version import installed_version  # noqa: PLC0415 - as the commands are

        click.echo(f"v{installed_version()}")
        context.exit()


@click.group(
    cls=_LoadedWhenCalled,
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(context: click.Context) -> None:
    """Ringward answers one question, very often and very fast: may this subject do this to that entity?"""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
