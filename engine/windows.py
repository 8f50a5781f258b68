"""A goal's expression evaluated over windows of ids: which are allowed for certain, and which a check must decide.

The drivers of the expression are listed from where the last window ended, and what they give are the candidates: the
whole set lies among them. The other leaves are listed over the same window: together with the drivers where they have
few lists, else once it is known how many candidates there are. Leaves whose lists are too long or too many for so few
candidates stay open, and so does every rule; whether that matters, set algebra tells.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from engine.backwards import AllOf, AnyOf, Except, Expression, Leaf, WhereRule, drivers, leaves
from engine.closure import ListIds
from engine.offers import NO_IDS, Ids, Offer
from engine.overlaps import parts_of
from storage.base import HeldBy, Listing, Stretch

_LEAST_WINDOW = 64
_MOST_WINDOW = 1000  # for few lists
_CANDIDATES_PER_LIST = 4  # for many lists, up to _MANY_CANDIDATES
_MANY_CANDIDATES = 8000
_LISTS_PER_CANDIDATE = 8
_FEW_LISTS = 64
_IDS_PER_CANDIDATE = 4
_FEW_IDS = 64


class Window(NamedTuple):
    """What holds from one id, exclusive, through another, inclusive; None for the end."""

    ids: Ids
    through: str | None


class Windows:
    """Windows over the set of one expression.

    scope: the only ids to look at; None for all. is_restricted: the sets in the offers are smaller than what the rules
    give, so that they tell who is in, and never who is not.
    """

    def __init__(
        self,
        goal: Expression,
        offers: Mapping[Leaf, Offer],
        list_ids: ListIds,
        *,
        scope: Set[str] | None,
        is_restricted: bool,
    ) -> None:
        self._goal = goal
        self._list_ids = list_ids
        self._scope = scope
        self._offers = offers
        self._driving = tuple(drivers(goal))
        self._testing = tuple(leaf for leaf in leaves(goal) if leaf not in self._driving and not is_restricted)
        self._along = self._affordable(self._testing, candidates=0)
        self._together = _Lists(offers, (*self._driving, *self._along))
        driving = [offers[leaf] for leaf in self._driving]
        self._given = sorted(NO_IDS.union(*(offer.given_sure | offer.given_unsure for offer in driving)))

    async def following(self, beyond: str, about: int) -> Window:
        """The window beyond an id, of about so many candidates as long as that is neither few nor very many.

        As every window looks into every list, a window is worth some candidates for each.
        """
        worth = min(_CANDIDATES_PER_LIST * self._together.arms, _MANY_CANDIDATES)
        about = min(max(about, _LEAST_WINDOW), max(self._together.arms, worth, _MOST_WINDOW))
        listed = await self._listed(self._together, beyond, about)
        start = bisect_right(self._given, beyond)
        given = self._given[start : start + about]
        driven = [stretch for leaf in self._driving for stretch in (*listed[leaf].sure, *listed[leaf].unsure)]
        ends = [stretch.through for stretch in driven if stretch.through is not None]
        if start + about < len(self._given):
            ends.append(given[-1])
        through = min(ends, default=None)
        candidates = set(given).union(*(stretch.ids for stretch in driven))
        if through is not None:
            candidates = {one for one in candidates if one <= through}
        if self._scope is not None:
            candidates &= self._scope
        if not candidates:
            return Window(Ids(), through)
        last = max(candidates)
        short = [leaf for leaf in self._along if not listed[leaf].reaches(last)]
        open_leaves = [leaf for leaf in self._testing if leaf in short or leaf not in listed]
        listed |= await self._tested(open_leaves, candidates, beyond)
        return Window(self._evaluated(listed, candidates), through)

    async def over(self, candidates: set[str]) -> Ids:
        """What is known of given ids without listing more than a few for each."""
        listed = await self._tested((*self._driving, *self._testing), candidates, "")
        return self._evaluated(listed, candidates)

    def _evaluated(self, listed: Mapping[Leaf, _Listed], candidates: set[str]) -> Ids:
        known = {leaf: _extent(self._offers[leaf], found, candidates) for leaf, found in listed.items()}
        extent = _Evaluation(known, candidates).of(self._goal)
        return Ids(extent.certain, extent.possible - extent.certain)

    async def _tested(self, testing: Iterable[Leaf], candidates: Set[str], beyond: str) -> dict[Leaf, _Listed]:
        affordable = self._affordable(testing, len(candidates))
        about = _IDS_PER_CANDIDATE * len(candidates) + _FEW_IDS
        return await self._listed(_Lists(self._offers, affordable), beyond, about)

    def _affordable(self, testing: Iterable[Leaf], candidates: int) -> list[Leaf]:
        """Those whose lists are few enough to be looked into for so many candidates."""
        most = _LISTS_PER_CANDIDATE * candidates + _FEW_LISTS
        return [leaf for leaf in testing if not isinstance(leaf, WhereRule) and _lists_in(self._offers[leaf]) <= most]

    async def _listed(self, lists: _Lists, beyond: str, about: int) -> dict[Leaf, _Listed]:
        listings = lists.parts.listings
        return lists.told(await self._list_ids(listings, beyond, about) if listings else ())


class _Listed(NamedTuple):
    """Stretches of a leaf's lists."""

    sure: Sequence[Stretch]
    unsure: Sequence[Stretch]

    def reaches(self, last: str) -> bool:
        """True if all are complete up to an id."""
        return all(stretch.through is None or stretch.through >= last for stretch in (*self.sure, *self.unsure))


class _Lists:
    """The lists of some leaves, ready to be asked for together. arms: see ``_lists_in``."""

    def __init__(self, offers: Mapping[Leaf, Offer], of: Sequence[Leaf]) -> None:
        self._offers = {leaf: offers[leaf] for leaf in of}
        self.parts = parts_of(
            [listing for offer in self._offers.values() for part in (offer.sure, offer.unsure) for listing in part]
        )
        self.arms = sum(map(_arms_of, self.parts.listings))

    def told(self, stretches: Sequence[Stretch]) -> dict[Leaf, _Listed]:
        """What stretches of the parts, aligned with them, are for each leaf."""
        numbers = iter(self.parts.numbers)

        def following(listings: Sequence[Listing]) -> list[Stretch]:
            return [stretches[number] for _ in listings for number in next(numbers)]

        return {leaf: _Listed(following(offer.sure), following(offer.unsure)) for leaf, offer in self._offers.items()}


class GivenWindows:
    """Windows over ids somebody gave, in which each is for a check to decide."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = sorted(ids)

    async def following(self, beyond: str, about: int) -> Window:
        """As in ``Windows``."""
        start = bisect_right(self._ids, beyond)
        ids = self._ids[start : start + about]
        return Window(Ids(unsure=set(ids)), ids[-1] if start + about < len(self._ids) else None)


class _Extent(NamedTuple):
    """Which of the candidates are in a set for certain, and which possibly."""

    certain: set[str]
    possible: set[str]


def _extent(offer: Offer, listed: _Listed, candidates: set[str]) -> _Extent:
    """What a leaf's lists tell of the candidates; of those beyond the end of a list, nothing."""
    sure = candidates & offer.given_sure
    sure.update(*(candidates.intersection(stretch.ids) for stretch in listed.sure))
    possible = sure | (candidates & offer.given_unsure)
    possible.update(*(candidates.intersection(stretch.ids) for stretch in listed.unsure))
    through = min(
        (found.through for found in (*listed.sure, *listed.unsure) if found.through is not None), default=None
    )
    if through is not None:
        possible |= {one for one in candidates if one > through}
    return _Extent(sure - offer.doubted, possible)


class _Evaluation:
    """Set algebra over the candidates; a leaf nothing is known of may hold any of them."""

    def __init__(self, known: Mapping[Leaf, _Extent], candidates: set[str]) -> None:
        self._known = known
        self._candidates = candidates
        self._done: dict[int, _Extent] = {}

    def of(self, expression: Expression) -> _Extent:
        """The extent of an expression; one that is part of several is evaluated once."""
        done = self._done.get(id(expression))
        if done is None:
            done = self._done[id(expression)] = self._evaluated(expression)
        return done

    def _evaluated(self, expression: Expression) -> _Extent:
        match expression:
            case AnyOf(parts):
                extents = [self.of(part) for part in parts]
                return _Extent(
                    set().union(*(extent.certain for extent in extents)),
                    set().union(*(extent.possible for extent in extents)),
                )
            case AllOf(parts):
                extents = [self.of(part) for part in parts]
                return _Extent(
                    set.intersection(*(extent.certain for extent in extents)),
                    set.intersection(*(extent.possible for extent in extents)),
                )
            case Except(kept, taken):
                left, right = self.of(kept), self.of(taken)
                return _Extent(left.certain - right.possible, left.possible - right.certain)
            case _:
                return self._known.get(expression) or _Extent(set(), self._candidates)


def _lists_in(offer: Offer) -> int:
    """How many arms the lists of an offer have, which is what a short stretch of them costs."""
    return sum(_arms_of(listing) for listing in (*offer.sure, *offer.unsure))


def _arms_of(listing: Listing) -> int:
    return len(listing.subject_ids) if isinstance(listing, HeldBy) else 1
