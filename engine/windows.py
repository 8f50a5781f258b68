"""A goal's expression evaluated over windows of ids: which are allowed for certain, and which a check must decide.

The drivers of the expression are listed from where the last window ended, and what they give are the candidates: the
whole set lies among them. The other leaves are listed over the same window. Leaves whose lists are too long or too
many for so few candidates stay open, and so does every rule; whether that matters, set algebra tells.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from engine.backwards import AllOf, AnyOf, Except, Expression, Leaf, WhereRule, drivers, leaves
from engine.closure import ListIds
from engine.offers import NO_IDS, Ids, Offer
from storage.base import HeldBy, Listing, Stretch

_LEAST_WINDOW = 64
_MOST_WINDOW = 1000
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
        driving = [offers[leaf] for leaf in self._driving]
        self._lists = sum(map(_lists_in, driving))
        self._given = sorted(NO_IDS.union(*(offer.given_sure | offer.given_unsure for offer in driving)))

    async def following(self, beyond: str, about: int) -> Window:
        """The window beyond an id, of about so many candidates as long as that is neither few nor very many.

        As every window looks into every list, a window is worth as many candidates as there are lists.
        """
        about = min(max(about, _LEAST_WINDOW), max(self._lists, _MOST_WINDOW))
        stretches = await self._stretches(self._driving, beyond, about)
        start = bisect_right(self._given, beyond)
        given = self._given[start : start + about]
        ends = [stretch.through for found in stretches.values() for stretch in found if stretch.through is not None]
        if start + about < len(self._given):
            ends.append(given[-1])
        through = min(ends, default=None)
        candidates = {one for found in stretches.values() for stretch in found for one in stretch.ids}
        candidates.update(given)
        if through is not None:
            candidates = {one for one in candidates if one <= through}
        if self._scope is not None:
            candidates &= self._scope
        if not candidates:
            return Window(Ids(), through)
        stretches |= await self._test(self._testing, candidates, beyond)
        return Window(self._evaluated(stretches, candidates), through)

    async def over(self, candidates: set[str]) -> Ids:
        """What is known of given ids without listing more than a few for each."""
        stretches = await self._test((*self._driving, *self._testing), candidates, "")
        return self._evaluated(stretches, candidates)

    def _evaluated(self, stretches: Mapping[Leaf, Sequence[Stretch]], candidates: set[str]) -> Ids:
        known = {leaf: _extent(self._offers[leaf], found, candidates) for leaf, found in stretches.items()}
        extent = _Evaluation(known, candidates).of(self._goal)
        return Ids(extent.certain, extent.possible - extent.certain)

    async def _test(self, testing: Iterable[Leaf], candidates: Set[str], beyond: str) -> dict[Leaf, Sequence[Stretch]]:
        most = _LISTS_PER_CANDIDATE * len(candidates) + _FEW_LISTS
        affordable = [
            leaf for leaf in testing if not isinstance(leaf, WhereRule) and _lists_in(self._offers[leaf]) <= most
        ]
        return await self._stretches(affordable, beyond, _IDS_PER_CANDIDATE * len(candidates) + _FEW_IDS)

    async def _stretches(self, of: Sequence[Leaf], beyond: str, about: int) -> dict[Leaf, Sequence[Stretch]]:
        """For each leaf those of its offer's lists, the sure before the unsure."""
        listings = [(*self._offers[leaf].sure, *self._offers[leaf].unsure) for leaf in of]
        flat = [listing for some in listings for listing in some]
        found = iter(await self._list_ids(flat, beyond, about) if flat else ())
        return {leaf: [next(found) for _ in some] for leaf, some in zip(of, listings, strict=True)}


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


def _extent(offer: Offer, stretches: Sequence[Stretch], candidates: set[str]) -> _Extent:
    """What a leaf's lists tell of the candidates; of those beyond the end of a list, nothing."""
    sure = candidates & offer.given_sure
    possible = sure | (candidates & offer.given_unsure)
    for number, stretch in enumerate(stretches):
        found = candidates.intersection(stretch.ids)
        possible |= found
        if number < len(offer.sure):
            sure |= found
        if stretch.through is not None:
            possible |= {one for one in candidates if one > stretch.through}
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
