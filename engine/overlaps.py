"""Listings that overlap, taken apart, so that what several of them have in common is listed once.

``view = edit or parent.view`` with ``edit = owner or parent.edit`` looks below the folders one may view and below those
one may edit, and the latter are among the former.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from storage.base import HeldBy, Listing


class Parts(NamedTuple):
    """listings: no two of one relation have a subject in common. numbers: for each original, which of them it is."""

    listings: Sequence[Listing]
    numbers: Sequence[Sequence[int]]


def parts_of(listings: Sequence[Listing]) -> Parts:
    """The listings in parts: each is the union of some of them."""
    parts: list[Listing] = []
    numbers: list[list[int]] = [[] for _ in listings]
    alike: dict[tuple[str, str, str, str], dict[int, HeldBy]] = {}
    for number, listing in enumerate(listings):
        if isinstance(listing, HeldBy):
            relation = (listing.entity_type, listing.relation, listing.subject_type, listing.subject_relation)
            alike.setdefault(relation, {})[number] = listing
        else:
            numbers[number].append(len(parts))
            parts.append(listing)
    for relation, overlapping in alike.items():
        for owners, subject_ids in _by_owners(overlapping).items():
            for owner in owners:
                numbers[owner].append(len(parts))
            parts.append(HeldBy(*relation, subject_ids))
    return Parts(parts, numbers)


def _by_owners(listings: Mapping[int, HeldBy]) -> Mapping[tuple[int, ...], Sequence[str]]:
    """The subjects of some listings, by the numbers of those they are in."""
    if len(listings) == 1:
        return {(number,): listing.subject_ids for number, listing in listings.items()}
    owners: dict[str, tuple[int, ...]] = {}
    for number, listing in listings.items():
        for subject_id in dict.fromkeys(listing.subject_ids):
            owners[subject_id] = (*owners.get(subject_id, ()), number)
    together: dict[tuple[int, ...], list[str]] = {}
    for subject_id, numbers in owners.items():
        together.setdefault(numbers, []).append(subject_id)
    return together
