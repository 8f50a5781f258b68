"""Options of the commands that work on a database beside a node; settings come from where a node's do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from cli.config import Configuration, InvalidConfiguration, Source, load_configuration, node_settings
from cli.terminal import give_up
from model.errors import Misconfigured
from node.maintenance import postgres_of
from node.settings import DatabaseSettings

_Command = TypeVar("_Command", bound=Callable[..., object])


def database_options(command: _Command) -> _Command:
    """Add ``--config``, ``--database-engine`` and ``--database-uri``, which are what ``database_of`` takes."""
    for option in (
        click.option("--database-uri", metavar="URI", help="postgres://user:password@host:port/database."),
        click.option("--database-engine", metavar="NAME", help="postgres, if nothing else is configured."),
        click.option(
            "-c",
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Configuration file (YAML) of the nodes; without it ./config/config.yaml, if there is one.",
        ),
    ):
        command = option(command)
    return command


def database_of(config: Path | None, engine: str | None, uri: str | None) -> DatabaseSettings:
    """The database that a node with this configuration would use, PostgreSQL where no engine is named.

    Ends the process, telling every problem, if there are any.
    """
    given = {"database.engine": engine, "database.uri": uri}
    flags = {key: [text] for key, text in given.items() if text is not None}
    configuration = load_configuration(flags=flags, file=config, environment=os.environ)
    if _names_no_engine(configuration):
        flags["database.engine"] = ["postgres"]
        configuration = load_configuration(flags=flags, file=config, environment=os.environ)
    try:
        database = node_settings(configuration).database
        postgres_of(database)
    except InvalidConfiguration as error:
        give_up(*error.problems)
    except Misconfigured as error:
        give_up(str(error))
    return database


def _names_no_engine(configuration: Configuration) -> bool:
    """True if no source says anything about the engine; one that says nonsense leaves a problem."""
    is_default = configuration.origins["database.engine"].source is Source.DEFAULT
    return is_default and not any("database.engine:" in problem for problem in configuration.problems)
