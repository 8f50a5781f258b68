"""``ringward repair``: mend what a restore from a dump leaves behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.database_options import database_of, database_options
from cli.terminal import give_up, say
from model.errors import AuthzError
from node.maintenance import repair_of

if TYPE_CHECKING:
    from node.maintenance import Counter, Repair

_REPORTED_IDS = 100_000  # progress is told about once a second
_MANY_IDS = 100_000_000  # from here on a quarter of an hour and more, so the quicker way is told
_IDS_PER_S = 100_000

_EPILOG = """\b
Examples:
  ringward repair datastore --database-uri postgres://ringward@db.example.com/ringward --dry-run
  ringward repair datastore -c /etc/ringward/config.yaml

Needed after pg_restore or psql loaded a dump into another server: nodes refuse to start and name this command. Not
needed after pg_basebackup, pg_upgrade or a snapshot of the disk, which keep the counter."""


@click.group(epilog=_EPILOG, short_help="Mend a database restored from a dump.")
def repair() -> None:
    """Mend a PostgreSQL database that was restored from a dump."""


@repair.command(epilog=_EPILOG, short_help="Bring the counter of transactions beyond those stored.")
@database_options
@click.option("--batch-size", type=click.IntRange(1), default=1000, help="Transactions per statement. [default: 1000]")
@click.option("--dry-run", type=bool, is_flag=False, flag_value=True, default=False, help="Only tell what is missing.")
@click.option("--verbose", type=bool, is_flag=False, flag_value=True, default=True, help="Tell of the progress.")
@click.option("--retries", type=click.IntRange(0), default=3, help="How often to connect again. [default: 3]")
def datastore(
    config: Path | None,
    database_engine: str | None,
    database_uri: str | None,
    **given: int,
) -> None:
    """Use up transaction ids until the server's counter is beyond those stored; the data stays as it is."""
    work = repair_of(
        database_of(config, database_engine, database_uri), batch_size=given["batch_size"], retries=given["retries"]
    )
    try:
        asyncio.run(_repair(work, is_dry=bool(given["dry_run"]), is_verbose=bool(given["verbose"])))
    except AuthzError as error:
        give_up(str(error))


async def _repair(work: Repair, *, is_dry: bool, is_verbose: bool) -> None:
    counter = await work.examine()
    say(f"newest transaction stored {counter.newest_id}, next one of the server {counter.next_id}")
    if not counter.is_behind:
        say("nothing to repair")
        return
    say(f"{counter.missing} transaction ids are missing, about {counter.missing // _IDS_PER_S + 1} s")
    if counter.missing > _MANY_IDS:
        say(f"at once, with the server stopped: pg_resetwal --epoch={counter.epoch_beyond} --pgdata=…", style="yellow")
    if is_dry:
        say("dry run: nothing was changed")
        return
    counter = await work.run(_Progress(is_verbose))
    say(f"repaired: the next transaction is {counter.next_id}")


class _Progress:
    """Tells how many ids are still missing, each time another portion is done."""

    def __init__(self, is_verbose: bool) -> None:
        self._is_verbose = is_verbose
        self._told_at: int | None = None

    def __call__(self, counter: Counter) -> None:
        if self._told_at is None:
            self._told_at = counter.next_id
        if self._is_verbose and counter.next_id - self._told_at >= _REPORTED_IDS:
            self._told_at = counter.next_id
            say(f"{counter.missing} missing")
