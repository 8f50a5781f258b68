"""A cluster as it is looked at from outside: by a command line that no ring has as a member."""

from __future__ import annotations

from dataclasses import dataclass, field

import grpc

from api.identity import Identity, TlsSettings
from cluster.peers.card import PROTOCOLS
from cluster.peers.channels import Channels
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.oversight import DistantOversight
from cluster.peers.settings import PeerSettings

_NAME = "ringward cluster"  # in place of an address, in what nodes say of who asked
_PATIENCE_S = 5.0  # people wait longer than nodes, who have another way


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """How a node's peer port is reached, and what opens it. key, tls, server_name: as in ``ClusterSettings``."""

    address: str
    key: str = field(default="", repr=False)
    tls: TlsSettings | None = None
    server_name: str = ""


def oversight_of(access: ClusterAccess) -> DistantOversight:
    """What people may ask of the node there. Raises Misconfigured, naming the file, for certificates of no use."""
    greeter = Greeter(_NAME, ClusterKey(access.key), PROTOCOLS)
    settings = PeerSettings(connecting_s=_PATIENCE_S)
    dialler = Dialler(greeter, settings, Channels(settings, peer_credentials(access.tls), access.server_name))
    return DistantOversight(dialler, access.address)


def peer_credentials(tls: TlsSettings | None) -> grpc.ChannelCredentials | None:
    """What to call encrypted peer ports with. Raises as ``oversight_of``."""
    if tls is None:
        return None
    identity = Identity.read(tls)
    return grpc.ssl_channel_credentials(identity.client_ca, identity.key, identity.cert)
