"""``ringward migrate``: the tables of a PostgreSQL database, from version to version."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli.database_options import database_of, database_options
from cli.terminal import give_up, say
from model.errors import AuthzError
from node.maintenance import migrations_of

if TYPE_CHECKING:
    from node.maintenance import Step

_T = TypeVar("_T")

_EPILOG = """\b
Examples:
  ringward migrate up --database-uri postgres://ringward@db.example.com/ringward
  ringward migrate status -c /etc/ringward/config.yaml
  RINGWARD_DATABASE_URI=postgres://… ringward migrate down

A node migrates at its start by itself, unless database.auto_migrate is false. Any number of nodes and commands may
migrate at once: one does, the others wait for it."""


@click.group(epilog=_EPILOG, short_help="Bring PostgreSQL's tables from version to version.")
def migrate() -> None:
    """Bring the tables of a PostgreSQL database from version to version."""


@migrate.command(short_help="Apply migrations.")
@database_options
@click.option("--target", type=click.IntRange(0), default=0, help="The last one to apply; 0 means all.")
def up(config: Path | None, database_engine: str | None, database_uri: str | None, target: int) -> None:
    """Apply migrations that are not applied yet, all of them or none."""
    migrations = migrations_of(database_of(config, database_engine, database_uri))
    _tell(_run(lambda: migrations.up(target)), "applied")


@migrate.command(short_help="Take back the newest migration, with its data.")
@database_options
@click.option("--target", type=click.IntRange(0), default=0, help="The last one to keep; 0 takes one step back.")
@click.option("--yes", is_flag=True, help="Do not ask; nothing is asked either where no terminal answers.")
def down(config: Path | None, database_engine: str | None, database_uri: str | None, target: int, yes: bool) -> None:
    """Take back migrations, and with them the data in what they made."""
    migrations = migrations_of(database_of(config, database_engine, database_uri))
    _confirm("Tables are removed with the data in them, and nodes that run on them fail.", yes)
    _tell(_run(lambda: migrations.down(target)), "taken back")


@migrate.command(short_help="Take back all migrations, with all data.")
@database_options
@click.option("--yes", is_flag=True, help="Do not ask; nothing is asked either where no terminal answers.")
def reset(config: Path | None, database_engine: str | None, database_uri: str | None, yes: bool) -> None:
    """Take back all migrations, and with them all data."""
    migrations = migrations_of(database_of(config, database_engine, database_uri))
    _confirm("All relationships, attributes, schemas, bundles and tenants are removed.", yes)
    _tell(_run(migrations.reset), "taken back")


@migrate.command(short_help="Show which migrations are applied, and since when.")
@database_options
def status(config: Path | None, database_engine: str | None, database_uri: str | None) -> None:
    """Show every migration this version knows, and since when it is applied."""
    migrations = migrations_of(database_of(config, database_engine, database_uri))
    say(f"{'APPLIED AT':<25}  MIGRATION")
    for step in _run(migrations.status):
        say(f"{_time_of(step):<25}  {step.file}")


@migrate.command(short_help="Wait until all migrations are applied.")
@database_options
@click.option(
    "--timeout", type=click.FloatRange(0), default=600.0, show_default=True, metavar="SECONDS", help="How long at most."
)
def wait(config: Path | None, database_engine: str | None, database_uri: str | None, timeout: float) -> None:
    """Wait until somebody else has applied all migrations; apply none. Made for what starts beside a migration."""
    migrations = migrations_of(database_of(config, database_engine, database_uri))
    _run(lambda: migrations.wait(timeout))
    say("all migrations are applied")


def _run(work: Callable[[], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        return await work()

    try:
        return asyncio.run(run())
    except AuthzError as error:
        give_up(str(error))


def _tell(changed: Sequence[Step], what: str) -> None:
    for step in changed:
        say(f"{what}  {step.file}")
    if not changed:
        say("nothing to do")


def _time_of(step: Step) -> str:
    return step.applied_at.astimezone().isoformat(sep=" ", timespec="seconds") if step.applied_at else "pending"


def _confirm(warning: str, is_confirmed: bool) -> None:
    """Ask, if somebody is there to answer; scripts are taken at their word."""
    say(f"warning: {warning}", style="yellow", is_error=True)
    if not is_confirmed and sys.stdin.isatty():
        click.confirm("Go on?", abort=True)
