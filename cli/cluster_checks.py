"""Rules over the settings that make a node one of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cli.settings import Value
from cluster.hashring.ring import LARGEST_WEIGHT
from cluster.membership.opening import membership_of
from model.errors import Misconfigured


def cluster_problems(values: Mapping[str, Value]) -> Iterator[str]:
    """Why no node should start with these values."""
    if values["distributed.enabled"] is not True:
        return
    address, weight = str(values["distributed.address"]), values["distributed.weight"]
    if not address:
        yield "distributed.address: must be given, since distributed.enabled is true"
    else:
        try:
            membership_of(address)
        except Misconfigured as error:
            yield f"distributed.address: {error}"
    if values["database.engine"] != "postgres":
        yield (
            f"distributed.enabled: nodes of a cluster share a database, but database.engine is"
            f" {values['database.engine']!r}, which each has to itself; expected postgres"
        )
    if not isinstance(weight, int) or weight > LARGEST_WEIGHT:
        yield f"distributed.weight: expected 1 to {LARGEST_WEIGHT}, got {weight}"
    advertised = str(values["distributed.advertise"])
    host, _, port = advertised.rpartition(":")
    if advertised and not (host and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        yield f"distributed.advertise: expected host:port, got {advertised!r}"
    if values["distributed.scope"] == "zone" and not values["distributed.zone"]:
        yield "distributed.zone: must be given, since distributed.scope is zone"
    if values["distributed.tls.enabled"] is True and not values["distributed.tls.client_ca"]:
        yield "distributed.tls.client_ca: must be given, since distributed.tls.enabled is true: nodes check each other"
    is_open = not values["distributed.cluster_key"] and values["distributed.tls.enabled"] is not True
    if is_open and values["authn.enabled"] is True and values["authn.method"] == "oidc":
        yield (
            "distributed.cluster_key: must be given, or distributed.tls.enabled be true, since authn.enabled is true:"
            " whoever can reach the port of the nodes could ask anything"
        )


def cluster_warnings(values: Mapping[str, Value]) -> Iterator[str]:
    """What is given and has no effect."""
    if values["distributed.enabled"] is not True and values["distributed.address"]:
        yield "distributed.address: given, but distributed.enabled is false: this node is alone"
