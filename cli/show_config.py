"""``ringward config``: which settings count, and who decided them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cli.config import Configuration, Source
from cli.setting_options import SettingsCommand, configuration_of
from cli.settings_table import SETTINGS
from cli.terminal import give_up, say

_EPILOG = """\b
Examples:
  ringward config
  ringward config -c /etc/ringward/config.yaml --grpc-port 4000

Takes the same options as `ringward serve`. Exit code 1 if no node could start with this configuration."""


@click.command("config", cls=SettingsCommand, epilog=_EPILOG, short_help="Show the settings that count, and why.")
def show_config(config: Path | None, **given: Sequence[str]) -> None:
    """Show every setting, its value and who decided it; of secrets only the first and last character."""
    configuration = configuration_of(config, given)
    _print_table(configuration)
    for warning in configuration.warnings:
        say(f"warning: {warning}", style="yellow", is_error=True)
    if configuration.problems:
        give_up(*configuration.problems)


def _print_table(configuration: Configuration) -> None:
    """One line per setting, never wrapped, so that it can be searched and cut; what is no default stands out."""
    rows = [("KEY", "VALUE", "SOURCE")]
    for setting in SETTINGS:
        origin = configuration.origins[setting.key]
        source = " ".join(part for part in (origin.source.value.upper(), origin.place) if part)
        rows.append((setting.key, setting.show(configuration.values[setting.key]), source))
    key_width, value_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for key, value, source in rows:
        is_default = source == Source.DEFAULT.value.upper()
        say(f"{key:<{key_width}}  {value:<{value_width}}  {source}", style="" if is_default else "bold")
