"""``ringward version``, and the version itself."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import click

from cli.terminal import say


def installed_version() -> str:
    """The version of the installed package; ``unknown`` when run from a source tree that is not installed."""
    try:
        return version("ringward")
    except PackageNotFoundError:
        return "unknown"


@click.command("version", short_help="Print the version.")
def print_version() -> None:
    """Print the version of this program."""
    say(f"v{installed_version()}")
