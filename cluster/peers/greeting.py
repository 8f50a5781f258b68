"""What two nodes tell each other in the metadata of a call before anything else, and what each makes of it.

Whoever asks opens with its address, its cluster's digest, the protocols it speaks, a nonce, and what the cluster's key
makes of the nonce. Whoever answers checks them in this order: key, cluster, protocols; and opens likewise, with what
the key makes of the same nonce for it. So neither tells the key, and a node that does not know it can neither ask nor
answer. Whoever can read along can repeat an opening; where that is to be feared, the peer port is encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cluster.peers.card import PeerRefused, Protocols
from cluster.peers.cluster_key import ClusterKey, is_same

Metadata = tuple[tuple[str, str], ...]

_ADDRESS = "ringward-address"
_CLUSTER = "ringward-cluster"
_PROTOCOLS = "ringward-protocols"
_NONCE = "ringward-nonce"
_PROOF = "ringward-proof"


class WrongKey(PeerRefused):
    """The other node does not know our cluster's key."""


@dataclass(frozen=True, slots=True)
class Greeted:
    """The other node, once it has been found to be one of ours. protocol: the one to speak with it."""

    address: str
    protocol: int


@dataclass(frozen=True, slots=True)
class Greeter:
    """How one node opens its calls. address: where its own peers reach it."""

    address: str
    key: ClusterKey
    protocols: Protocols

    def asking(self, nonce: str) -> Metadata:
        """What to open a call with. nonce: never used before."""
        return (*self._about(), (_NONCE, nonce), (_PROOF, self.key.shown_by_asker(nonce)))

    def answering(self, received: Mapping[str, str]) -> Metadata:
        """What to answer a call with that opened so, and passed ``asked_by``."""
        return (*self._about(), (_PROOF, self.key.shown_by_answerer(received.get(_NONCE, ""))))

    def asked_by(self, received: Mapping[str, str]) -> Greeted:
        """Who asks. Raises PeerRefused, saying to it what differs; WrongKey if it is the key."""
        return self._greeted(received, self.key.shown_by_asker(received.get(_NONCE, "")))

    def answered_by(self, received: Mapping[str, str], nonce: str) -> Greeted:
        """Who answers. Raises as ``asked_by`` does."""
        return self._greeted(received, self.key.shown_by_answerer(nonce))

    def _about(self) -> Metadata:
        spoken = f"{self.protocols.lowest}-{self.protocols.highest}"
        return ((_ADDRESS, self.address), (_CLUSTER, self.key.digest), (_PROTOCOLS, spoken))

    def _greeted(self, received: Mapping[str, str], proof: str) -> Greeted:
        theirs = _read_protocols(received.get(_PROTOCOLS, ""))
        if theirs is None:
            raise PeerRefused("it does not open a call as a node of Ringward does")
        address = received.get(_ADDRESS, "")
        if not is_same(received.get(_PROOF, ""), proof):
            raise WrongKey(f"{address} and {self.address} have different cluster keys")
        cluster = received.get(_CLUSTER, "")
        if not is_same(cluster, self.key.digest):
            raise PeerRefused(f"{address} is of cluster {cluster}, {self.address} of cluster {self.key.digest}")
        protocol = self.protocols.common_with(theirs)
        if protocol is None:
            raise PeerRefused(f"{address} speaks peer protocol {theirs}, {self.address} speaks {self.protocols}")
        return Greeted(address, protocol)


def texts_of(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """The metadata that is text, by name."""
    return {name: value for name, value in metadata if isinstance(value, str)}


def _read_protocols(text: str) -> Protocols | None:
    found = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", text, re.ASCII)
    return Protocols(int(found[1]), int(found[2])) if found else None
