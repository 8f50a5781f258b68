"""The sets of all stations, found from the subject outwards: its groups, the groups they lie in, their folders …

Rounds of lists: what is new in a station is followed along every edge that leaves it, until nothing is new. A station
that is more than a union takes in only what a check allows, so that everything beyond it rests on decided ground.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set

from engine.backwards import Backwards, Edge, Member, OfStation, ThroughTuples, drivers, plain
from engine.offers import NO_IDS, Ids, Offer, Offers
from model.errors import LimitExceeded
from storage.base import Listing, Stretch

MOST_IDS = 1_000_000
"""Ids the stations of one request may hold, at about 100 bytes each; beyond that it fails."""

_IDS_PER_READ = 10_000

ListIds = Callable[[Sequence[Listing], str, int], Awaitable[Sequence[Stretch]]]
"""``SnapshotReader.list_ids`` for one tenant at one snapshot: listings, beyond, about."""

Decide = Callable[[str, str, Sequence[str]], Awaitable[Ids]]
"""Checks an entity type, a member's name and ids: allowed ones are sure, those that fail are unsure."""


class Closure:
    """Finds the stations of one request.

    scope: for the types it names, the only ids a station takes in. most_ids: how many they may take in together.
    """

    def __init__(
        self,
        backwards: Backwards,
        offers: Offers,
        list_ids: ListIds,
        decide: Decide,
        *,
        scope: Mapping[str, Set[str]],
        most_ids: int,
    ) -> None:
        self._stations = backwards.stations
        self._offers = offers
        self._list_ids = list_ids
        self._decide = decide
        self._scope = scope
        self._most_ids = most_ids
        self._found = {station: Ids() for station in self._stations}
        self._denied: dict[Member, set[str]] = {station: set() for station in self._stations}
        self._onward: dict[Member, list[tuple[Member, Edge | None]]] = {station: [] for station in self._stations}
        self._sources: dict[Member, list[Offer]] = {}
        for station, expression in self._stations.items():
            for leaf in drivers(expression):
                match leaf:
                    case ThroughTuples(edges):
                        for edge in edges:
                            self._lead(station, edge.station, edge)
                    case OfStation(other):
                        self._lead(station, other, None)
                    case _:
                        self._sources.setdefault(station, []).append(offers.of(leaf, {}))

    async def stations(self) -> Mapping[Member, Ids]:
        """The complete set of every station. Raises what listing and checking raise, and LimitExceeded."""
        news = await self._arrivals(self._sources)
        while news:
            offers: dict[Member, list[Offer]] = {}
            for station, ids in news.items():
                for following, edge in self._onward[station]:
                    offer = _passed_on(ids) if edge is None else self._offers.of_edge(edge, ids)
                    offers.setdefault(following, []).append(offer)
            news = await self._arrivals(offers)
        return self._found

    def _lead(self, station: Member, origin: Member | None, edge: Edge | None) -> None:
        if origin is not None:
            self._onward[origin].append((station, edge))
        elif edge is not None:
            asker = self._offers.of(ThroughTuples((edge,)), {})
            self._sources.setdefault(station, []).append(asker)

    async def _arrivals(self, offers: Mapping[Member, Sequence[Offer]]) -> dict[Member, Ids]:
        """What is new in each station once it has taken in what is offered."""
        listings = [
            (station, listing, is_sure)
            for station, offered in offers.items()
            for offer in offered
            for is_sure, part in ((True, offer.sure), (False, offer.unsure))
            for listing in part
        ]
        listed = await self._whole([listing for _, listing, _ in listings])
        offered_ids = {station: Ids() for station in offers}
        for (station, _, is_sure), ids in zip(listings, listed, strict=True):
            (offered_ids[station].sure if is_sure else offered_ids[station].unsure).update(ids)
        news = {}
        for station, found in offered_ids.items():
            for offer in offers[station]:
                found.sure |= offer.given_sure
                found.unsure |= offer.given_unsure
                found.sure -= offer.doubted
            new = await self._taken_in(station, found)
            if new.sure or new.unsure:
                news[station] = new
        return news

    async def _taken_in(self, station: Member, offered: Ids) -> Ids:
        known = self._found[station]
        kind, name = station
        allowed = self._scope.get(kind)
        if allowed is not None:
            offered.sure &= allowed
            offered.unsure &= allowed
        if plain(self._stations[station]):
            new = Ids(offered.sure - known.sure, offered.unsure - offered.sure - known.sure - known.unsure)
        else:
            open_ids = (offered.sure | offered.unsure) - known.sure - known.unsure - self._denied[station]
            new = await self._decide(kind, name, sorted(open_ids))
            self._denied[station] |= open_ids - new.sure - new.unsure
        known.unsure -= new.sure
        known.sure |= new.sure
        known.unsure |= new.unsure
        self._ensure_not_too_many(sum(len(ids.sure) + len(ids.unsure) for ids in self._found.values()))
        return new

    async def _whole(self, listings: Sequence[Listing]) -> list[Set[str]]:
        """All ids of each listing."""
        found: list[set[str]] = [set() for _ in listings]
        beyond = dict.fromkeys(range(len(listings)), "")
        while beyond:
            following: dict[int, str] = {}
            for start, places in _by_start(beyond):
                asked = [listings[place] for place in places]
                stretches = await self._list_ids(asked, start, min(_IDS_PER_READ, self._most_ids))
                for place, stretch in zip(places, stretches, strict=True):
                    found[place].update(stretch.ids)
                    if stretch.through is not None:
                        following[place] = stretch.through
            beyond = following
            self._ensure_not_too_many(max(map(len, found)))
        return [ids or NO_IDS for ids in found]

    def _ensure_not_too_many(self, ids: int) -> None:
        if ids > self._most_ids:
            raise LimitExceeded(f"the lookup passes more than {self._most_ids} entities")


def _by_start(beyond: Mapping[int, str]) -> Iterable[tuple[str, list[int]]]:
    """Places that go on from the same id can be asked together."""
    together: dict[str, list[int]] = {}
    for place, start in beyond.items():
        together.setdefault(start, []).append(place)
    return together.items()


def _passed_on(ids: Ids) -> Offer:
    return Offer(given_sure=ids.sure, given_unsure=ids.unsure)
