"""What ``ringward cluster`` tells: tables for people, one JSON value for machines.

Whatever is found begins with the node that was asked: who is in the ring is told as that node sees it, all else as each
says of itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from cli.table import Table
from cluster.peers.description import Description, Ownership, Place, Silence

Found = Sequence[Description | Silence]

_NOTHING = "-"
_NO_ANSWER = "no answer"


def print_json(value: object) -> None:
    """Print it for machines."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def members_table(found: Found) -> Table:
    """One row for each in the ring."""
    states, places = _states(found), _asked(found).places
    rows = [(*_member(place), _percent(place.share_ratio), states[place.member.address]) for place in places]
    poor = [number for number, place in enumerate(places) if place.member.address in _silences(found)]
    heading = ("ADDRESS", "ZONE", "WEIGHT", "RELEASE", "SHARE", "STATE")
    return Table(heading, rows, numbers=frozenset({2, 4}), poor=frozenset(poor))


def refusals_table(found: Found) -> Table:
    """One row for each that is kept out, by whomever."""
    return Table(
        ("REFUSED", "BY", "REASON"),
        [
            (address, one.address, reason)
            for one in _descriptions(found)
            for address, reason in sorted(one.refused.items())
        ],
    )


def silences_table(found: Found) -> Table:
    """One row for each that gave no answer."""
    return Table(("NO ANSWER", "REASON"), sorted(_silences(found).items()))


def members_json(found: Found) -> object:
    """The same."""
    described = {one.address: one for one in _descriptions(found)}
    silences = _silences(found)
    members = [
        {
            **asdict(place.member),
            "share_ratio": place.share_ratio,
            "state": described[place.member.address].card.state.value if place.member.address in described else None,
            "silence": silences.get(place.member.address),
        }
        for place in _asked(found).places
    ]
    return {
        "asked": _asked(found).address,
        "members": members,
        "refused": [
            {"address": address, "by": one.address, "reason": reason}
            for one in described.values()
            for address, reason in sorted(one.refused.items())
        ],
    }


def zones_table(found: Found) -> Table:
    """One row for each zone."""
    rows = [
        (zone or _NOTHING, str(len(places)), str(_weight(places)), _percent(_share(places)))
        for zone, places in _by_zone(found).items()
    ]
    return Table(("ZONE", "NODES", "WEIGHT", "SHARE"), rows, numbers=frozenset({1, 2, 3}))


def zones_json(found: Found) -> object:
    """The same."""
    return [
        {
            "zone": zone,
            "members": [place.member.address for place in places],
            "weight": _weight(places),
            "share_ratio": _share(places),
        }
        for zone, places in _by_zone(found).items()
    ]


def owners_table(ownership: Ownership) -> Table:
    """One row for each owner: there are several where zones share keys by themselves."""
    rows = [(member.address, member.zone or _NOTHING, ownership.schema_version) for member in ownership.owners]
    return Table(("OWNER", "ZONE", "SCHEMA VERSION"), rows)


def owners_json(ownership: Ownership) -> object:
    """The same."""
    return {
        "schema_version": ownership.schema_version,
        "owners": [{"address": member.address, "zone": member.zone} for member in ownership.owners],
    }


def status_tables(found: Found) -> Sequence[Table]:
    """What nodes have cached and done; how each stands with those it asks; who gave no answer."""
    works = [_work(one) for one in found]
    poor = frozenset(number for number, one in enumerate(found) if isinstance(one, Silence))
    peers = [(one.address, peer) for one in _descriptions(found) for peer in one.peers]
    rows = [
        (
            *(address, peer.address, peer.breaker.value),
            *map(str, (peer.in_flight, peer.asked, peer.answered, peer.failed)),
            peer.trouble or _NOTHING,
        )
        for address, peer in peers
    ]
    troubled = frozenset(number for number, (_, peer) in enumerate(peers) if peer.trouble)
    asking = Table(_PEER_HEADING, rows, numbers=frozenset(range(3, 7)), poor=troubled)
    working = Table(_WORK_HEADING, works, numbers=frozenset(range(2, len(_WORK_HEADING))), poor=poor)
    return working, asking, silences_table(found)


_WORK_HEADING = (
    *("NODE", "STATE", "SEES", "ANSWERS", "MIB", "HIT RATE", "OWNED", "NEAR", "PASSED ON", "UNANSWERED", "FOR PEERS"),
    *("JOINED", "LEFT", "ENGINE LOST"),
)
_PEER_HEADING = ("NODE", "PEER", "BREAKER", "IN FLIGHT", "ASKED", "ANSWERED", "FAILED", "TROUBLE")


def status_json(found: Found) -> object:
    """The same."""
    return [
        {"address": one.address, "silence": one.reason} if isinstance(one, Silence) else _status_json(one)
        for one in found
    ]


def _status_json(one: Description) -> Mapping[str, object]:
    cache, routing, roll = one.counts.cache, one.counts.routing, one.counts.roll
    return {
        "address": one.address,
        "state": one.card.state.value,
        "members": [place.member.address for place in one.places],
        "cache": {**asdict(cache), "hit_ratio": _hit_ratio(one)},
        "requests": {**asdict(routing), "answered_for_peers": one.counts.answered_for_peers},
        "events": asdict(roll),
        "peers": [{**asdict(peer), "breaker": peer.breaker.value} for peer in one.peers],
    }


def _work(one: Description | Silence) -> tuple[str, ...]:
    if isinstance(one, Silence):
        return (one.address, _NO_ANSWER, *[_NOTHING] * (len(_WORK_HEADING) - 2))
    cache, routing, roll = one.counts.cache, one.counts.routing, one.counts.roll
    ratio = _hit_ratio(one)
    figures = (routing.owned, routing.near, routing.passed_on, routing.unanswered, one.counts.answered_for_peers)
    return (
        one.address,
        one.card.state.value,
        str(len(one.places)),
        str(cache.answers),
        f"{cache.size_bytes / 2**20:.1f}",
        _NOTHING if ratio is None else _percent(ratio),
        *map(str, (*figures, roll.joined, roll.left, roll.engine_losses)),
    )


def _hit_ratio(one: Description) -> float | None:
    cache = one.counts.cache
    return cache.given / cache.asked if cache.asked else None


def _asked(found: Found) -> Description:
    first = found[0]
    assert isinstance(first, Description), "who was asked has said how it is"
    return first


def _descriptions(found: Found) -> list[Description]:
    return [one for one in found if isinstance(one, Description)]


def _silences(found: Found) -> Mapping[str, str]:
    return {one.address: one.reason for one in found if isinstance(one, Silence)}


def _states(found: Found) -> Mapping[str, str]:
    told = {one.address: one.card.state.value for one in _descriptions(found)}
    unheard = dict.fromkeys((place.member.address for place in _asked(found).places), "not asked")
    return {**unheard, **told, **dict.fromkeys(_silences(found), _NO_ANSWER)}


def _member(place: Place) -> tuple[str, ...]:
    member = place.member
    return member.address, member.zone or _NOTHING, str(member.weight), member.release or _NOTHING


def _by_zone(found: Found) -> Mapping[str, list[Place]]:
    zones: dict[str, list[Place]] = {}
    for place in sorted(_asked(found).places, key=lambda place: place.member.zone):
        zones.setdefault(place.member.zone, []).append(place)
    return zones


def _weight(places: Sequence[Place]) -> int:
    return sum(place.member.weight for place in places)


def _share(places: Sequence[Place]) -> float:
    return sum(place.share_ratio for place in places)


def _percent(ratio: float) -> str:
    return f"{ratio:.1%}"
