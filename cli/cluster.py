"""``ringward cluster``: how it stands with the nodes of a cluster, asked of any one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from cli.cluster_options import ClusterCommand, access_of
from cli.cluster_report import (
    members_json,
    members_table,
    owners_json,
    owners_table,
    print_json,
    refusals_table,
    silences_table,
    status_json,
    status_tables,
    zones_json,
    zones_table,
)
from cli.table import Table
from cli.terminal import give_up, say
from cluster.invoker.answers import NoAnswer
from cluster.peers.oversight import DistantOversight
from model.check import Question
from model.errors import AuthzError, InvalidRequest
from model.tuples import EntityRef, SubjectRef
from node.distant import oversight_of

_T = TypeVar("_T")

_EPILOG = """\b
Examples:
  ringward cluster members
  ringward cluster status --address 10.0.0.1:5000 -c /etc/ringward/config.yaml
  ringward cluster owner t1 document:plan view user:ann
  ringward cluster drain 10.0.0.2:5000

One node is asked, by its peer port; it asks the others. The cluster's key and certificates come from where a node has
them: flags, RINGWARD_… variables, its configuration file."""


@click.group(epilog=_EPILOG, short_help="Look at a cluster, and take nodes out of it.")
def cluster() -> None:
    """Look at a cluster, and take nodes out of it; any of its nodes is asked."""


@cluster.command(cls=ClusterCommand, short_help="Who is in the ring, and with which share of the keys.")
def members(output: str, **given: Any) -> None:
    """Show who is in the ring, with which share of the keys, and who is kept out and why."""
    found = _asked(given, lambda node: node.describe(with_others=True))
    if output == "json":
        print_json(members_json(found))
        return
    _print(members_table(found), refusals_table(found), silences_table(found))


@cluster.command(cls=ClusterCommand, short_help="Where the nodes stand.")
def zones(output: str, **given: Any) -> None:
    """Show how many nodes stand in each zone, and which share of the keys they have together."""
    found = _asked(given, lambda node: node.describe(with_others=False))
    print_json(zones_json(found)) if output == "json" else zones_table(found).print()


@cluster.command(cls=ClusterCommand, short_help="Who owns a question.")
@click.argument("tenant")
@click.argument("entity")
@click.argument("permission")
@click.argument("subject")
@click.option("--schema-version", default="", metavar="VERSION", help="Without it, the tenant's latest.")
def owner(
    output: str, tenant: str, entity: str, permission: str, subject: str, schema_version: str, **given: Any
) -> None:
    """Show which node owns a question, such as `t1 document:plan view user:ann`, and keeps the answer."""
    try:
        question = Question(EntityRef.parse(entity), permission, SubjectRef.parse(subject))
    except InvalidRequest as error:
        raise click.UsageError(str(error)) from error
    ownership = _asked(given, lambda node: node.owners(tenant, schema_version, question))
    print_json(owners_json(ownership)) if output == "json" else owners_table(ownership).print()


@cluster.command(cls=ClusterCommand, short_help="What each node has in its cache and does for the others.")
def status(output: str, **given: Any) -> None:
    """Show for each node what it has cached, how often that helps, and how it stands with its peers."""
    found = _asked(given, lambda node: node.describe(with_others=True))
    if output == "json":
        print_json(status_json(found))
        return
    _print(*status_tables(found))


@cluster.command(cls=ClusterCommand, short_help="Have a node leave the cluster and stop.")
@click.argument("member")
def drain(output: str, member: str, **given: Any) -> None:
    """Have the node at MEMBER, as `members` shows it, leave: it turns not ready, hands its keys over, and stops."""
    _asked(given, lambda node: node.drain(member))
    print_json({"draining": member}) if output == "json" else say(f"{member} leaves the cluster and stops")


def _print(*tables: Table) -> None:
    """Those that have rows, one below the other; the first always."""
    for number, table in enumerate(tables):
        if not number:
            table.print()
        elif table.rows:
            say()
            table.print()


def _asked(given: dict[str, Any], ask: Callable[[DistantOversight], Awaitable[_T]]) -> _T:
    """What a node says. Ends the process with a line if it says nothing, or cannot be asked."""

    async def run() -> _T:
        return await ask(oversight_of(access_of(given)))

    try:
        return asyncio.run(run())
    except (AuthzError, NoAnswer) as error:
        give_up(str(error))
