"""Descriptions and owners as messages between nodes, and back; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.invoker.cache import CacheCounts
from cluster.invoker.routing import RoutingCounts
from cluster.member import Member
from cluster.membership.roll_call import RollCounts
from cluster.peers.breaker import BreakerState
from cluster.peers.description import Description, NodeCounts, Ownership, Place, Silence
from cluster.peers.peer import PeerState
from cluster.peers.wire_cards import card_from_proto, card_to_proto
from proto.dispatch.v1 import dispatch_pb2 as pb


def descriptions_to_proto(found: Iterable[Description | Silence]) -> pb.DescribeResponse:
    """The message of what nodes say of themselves, and of those that say nothing."""
    response = pb.DescribeResponse()
    for one in found:
        if isinstance(one, Silence):
            response.silences.add(address=one.address, reason=one.reason)
        else:
            response.descriptions.append(_description_to_proto(one))
    return response


def descriptions_from_proto(response: pb.DescribeResponse) -> Sequence[Description | Silence]:
    """The same, first the node that was asked, the others in order of address. Raises ValueError for none at all."""
    first, *others = map(_description_from_proto, response.descriptions)
    silences = [Silence(silence.address, silence.reason) for silence in response.silences]
    found: list[Description | Silence] = [*others, *silences]
    return [first, *sorted(found, key=lambda one: one.address)]


def ownership_to_proto(ownership: Ownership) -> pb.OwnerResponse:
    """The message of who owns a question."""
    owners = [_place_to_proto(Place(member)) for member in ownership.owners]
    return pb.OwnerResponse(schema_version=ownership.schema_version, owners=owners)


def ownership_from_proto(response: pb.OwnerResponse) -> Ownership:
    """Who owns a question."""
    return Ownership(response.schema_version, tuple(map(_member_from_proto, response.owners)))


def _description_to_proto(description: Description) -> pb.Description:
    return pb.Description(
        card=card_to_proto(description.card),
        is_zonal=description.is_zonal,
        places=map(_place_to_proto, description.places),
        refused=description.refused,
        counts=_counts_to_proto(description.counts),
        peers=map(_peer_to_proto, description.peers),
    )


def _description_from_proto(message: pb.Description) -> Description:
    return Description(
        card=card_from_proto(message.card),
        is_zonal=message.is_zonal,
        places=tuple(Place(_member_from_proto(place), place.share_ratio) for place in message.places),
        refused=dict(message.refused),
        counts=_counts_from_proto(message.counts),
        peers=tuple(map(_peer_from_proto, message.peers)),
    )


def _place_to_proto(place: Place) -> pb.MemberPlace:
    member = place.member
    return pb.MemberPlace(
        address=member.address,
        zone=member.zone,
        weight=member.weight,
        release=member.release,
        share_ratio=place.share_ratio,
    )


def _member_from_proto(place: pb.MemberPlace) -> Member:
    return Member(place.address, place.zone, place.weight, place.release)


def _counts_to_proto(counts: NodeCounts) -> pb.Counts:
    cache, routing, roll = counts.cache, counts.routing, counts.roll
    return pb.Counts(
        cached_answers=cache.answers,
        cached_bytes=cache.size_bytes,
        cache_asked=cache.asked,
        cache_given=cache.given,
        owned=routing.owned,
        near=routing.near,
        passed_on=routing.passed_on,
        unanswered=routing.unanswered,
        answered_for_peers=counts.answered_for_peers,
        joined=roll.joined,
        left=roll.left,
        engine_losses=roll.engine_losses,
    )


def _counts_from_proto(message: pb.Counts) -> NodeCounts:
    return NodeCounts(
        cache=CacheCounts(message.cached_answers, message.cached_bytes, message.cache_asked, message.cache_given),
        routing=RoutingCounts(message.owned, message.near, message.passed_on, message.unanswered),
        roll=RollCounts(message.joined, message.left, message.engine_losses),
        answered_for_peers=message.answered_for_peers,
    )


def _peer_to_proto(peer: PeerState) -> pb.PeerState:
    return pb.PeerState(
        address=peer.address,
        is_connected=peer.is_connected,
        breaker=peer.breaker.value,
        in_flight=peer.in_flight,
        asked=peer.asked,
        answered=peer.answered,
        failed=peer.failed,
        protocol=peer.protocol,
        trouble=peer.trouble,
    )


def _peer_from_proto(message: pb.PeerState) -> PeerState:
    return PeerState(
        address=message.address,
        is_connected=message.is_connected,
        breaker=BreakerState(message.breaker),
        in_flight=message.in_flight,
        asked=message.asked,
        answered=message.answered,
        failed=message.failed,
        protocol=message.protocol,
        trouble=message.trouble,
    )
