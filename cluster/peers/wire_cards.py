"""Cards as messages between nodes, and back; and what the calls among nodes are named."""

from __future__ import annotations

from cluster.member import Member
from cluster.peers.card import Card, CardState, Protocols
from proto.dispatch.v1 import dispatch_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["Peer"].full_name
CONVERSE = f"/{SERVICE}/Converse"
CARD = f"/{SERVICE}/Card"
WARM = f"/{SERVICE}/Warm"
DESCRIBE = f"/{SERVICE}/Describe"
OWNER = f"/{SERVICE}/Owner"
DRAIN = f"/{SERVICE}/Drain"

_TO_PROTO = {
    CardState.JOINING: pb.CardResponse.STATE_JOINING,
    CardState.SERVING: pb.CardResponse.STATE_SERVING,
    CardState.LEAVING: pb.CardResponse.STATE_LEAVING,
}
_FROM_PROTO = {message: state for state, message in _TO_PROTO.items()}


def card_to_proto(card: Card) -> pb.CardResponse:
    """The message of a card."""
    return pb.CardResponse(
        cluster=card.cluster,
        lowest_protocol=card.protocols.lowest,
        highest_protocol=card.protocols.highest,
        address=card.member.address,
        zone=card.member.zone,
        weight=card.member.weight,
        release=card.member.release,
        state=_TO_PROTO[card.state],
    )


def card_from_proto(card: pb.CardResponse) -> Card:
    """The card. Raises ValueError for a state that only newer nodes know."""
    if card.state not in _FROM_PROTO:
        raise ValueError(f"no state of a node: {card.state}")
    return Card(
        cluster=card.cluster,
        protocols=Protocols(card.lowest_protocol, card.highest_protocol),
        member=Member(card.address, card.zone, card.weight, card.release),
        state=_FROM_PROTO[card.state],
    )
