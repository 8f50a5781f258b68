"""``ringward completion``: a script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.terminal import give_up

_EPILOG = """\b
Examples:
  eval "$(ringward completion bash)"                                   for this shell
  ringward completion zsh > ~/.zfunc/_ringward                          for all to come
  ringward completion fish > ~/.config/fish/completions/ringward.fish"""


@click.command(epilog=_EPILOG, short_help="Print a script for completion in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that lets SHELL complete commands and options of this program."""
    kind = get_completion_class(shell)
    if kind is None:
        give_up(f"no completion for {shell}")
    root = context.find_root()
    click.echo(kind(root.command, {}, "ringward", "_RINGWARD_COMPLETE").source())
