"""Commands that take every setting as a long option, listed in ``--help`` section by section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from cli.config import Configuration, load_configuration
from cli.settings import Kind, Setting
from cli.settings_table import SETTINGS

_SECTIONS = {
    "server.grpc": "gRPC",
    "server.http": "REST over HTTP",
    "server": "Server",
    "logger": "Logs",
    "authn": "Who may ask",
    "database": "Where data is kept",
    "service": "Limits and caches",
    "distributed": "Several nodes",
    "tracer": "Traces",
    "meter": "Metrics sent",
    "profiler": "Profiling",
    "metrics": "Metrics and health",
    "account_id": "Account",
}


class SettingsCommand(click.Command):
    """A command with ``--config`` and one option per setting.

    Its callback receives ``config`` and, by key with dots as double underscores, the texts given for each setting;
    ``configuration_of`` makes the configuration of them.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as click passes them
        self.params[:0] = [_config_option(), *(setting_option(setting) for setting in SETTINGS)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options: general ones first, then the settings by section."""
        settings = {_parameter_name(setting): setting for setting in SETTINGS}
        general = [param for param in self.get_params(ctx) if param.name not in settings]
        with formatter.section("Options"):
            formatter.write_dl([record for param in general if (record := param.get_help_record(ctx))])
        for prefix, title in _SECTIONS.items():
            members = [setting for setting in SETTINGS if _section_of(setting) == prefix]
            with formatter.section(title):
                formatter.write_dl([(_usage(setting), _explanation(setting)) for setting in members])


def configuration_of(config: Path | None, given: dict[str, Sequence[str]]) -> Configuration:
    """The configuration from the options of a SettingsCommand, the process's environment and the file."""
    flags = {name.replace("__", "."): texts for name, texts in given.items()}
    return load_configuration(flags=flags, file=config, environment=os.environ)


def _config_option() -> click.Option:
    return click.Option(
        ["-c", "--config"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Configuration file (YAML); without it ./config/config.yaml, if there is one.",
    )


def setting_option(setting: Setting) -> click.Option:
    """Texts only: values are parsed where those of all sources are. A switch may stand alone, meaning true."""
    names = [f"--{setting.flag_name}", _parameter_name(setting)]
    if setting.kind is Kind.SWITCH:
        return click.Option(
            names, multiple=True, is_flag=False, flag_value="true", type=str, help=_explanation(setting), metavar="BOOL"
        )
    return click.Option(names, multiple=True, type=str, help=_explanation(setting), metavar=setting.kind.value)


def _parameter_name(setting: Setting) -> str:
    return setting.key.replace(".", "__")


def _section_of(setting: Setting) -> str:
    return next(prefix for prefix in _SECTIONS if setting.key == prefix or setting.key.startswith(f"{prefix}."))


def _usage(setting: Setting) -> str:
    placeholder = f"[={setting.kind.value}]" if setting.kind is Kind.SWITCH else f" {setting.kind.value}"
    return f"--{setting.flag_name}{placeholder}"


def _explanation(setting: Setting) -> str:
    if not setting.works:
        return f"{setting.help} (not in this version)"
    return f"{setting.help} [default: {setting.default}]" if setting.default else setting.help
