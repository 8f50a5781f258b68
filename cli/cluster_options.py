"""Options of the commands that ask a node by its peer port; settings come from where a node's do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from cli.config import InvalidConfiguration, cluster_access, load_configuration
from cli.setting_options import setting_option
from cli.settings_table import SETTINGS_BY_KEY
from cli.terminal import give_up
from node.distant import ClusterAccess

_SETTINGS = (
    "distributed.cluster_key",
    "authn.enabled",
    "authn.method",
    "authn.preshared.keys",
    "distributed.tls.enabled",
    "distributed.tls.cert",
    "distributed.tls.key",
    "distributed.tls.client_ca",
    "server.name_override",
)


class ClusterCommand(click.Command):
    """A command with ``--address``, ``--output``, ``--config``, and options for what opens a peer port.

    Its callback receives ``output``, and all the rest as ``access_of`` takes it.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as click passes them
        self.params += [
            click.Option(["--address"], default="", metavar="HOST:PORT", help="Peer port of any node; else localhost."),
            click.Option(["--output"], type=click.Choice(("table", "json")), default="table", help="For whom."),
            click.Option(
                ["-c", "--config"],
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Configuration file (YAML) of a node; without it ./config/config.yaml, if there is one.",
            ),
            *(setting_option(SETTINGS_BY_KEY[key]) for key in _SETTINGS),
        ]


def access_of(given: dict[str, Any]) -> ClusterAccess:
    """Which node is asked, and what opens its port. Ends the process, telling every problem, if there are any."""
    flags = {key: given[key.replace(".", "__")] for key in _SETTINGS}
    configuration = load_configuration(flags=flags, file=given["config"], environment=os.environ)
    try:
        return cluster_access(configuration, given["address"])
    except InvalidConfiguration as error:
        give_up(*error.problems)
