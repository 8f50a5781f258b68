"""Sets of subject ids that may be everybody: listed ids, or everybody but the listed ones; with full algebra."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class SubjectSet(NamedTuple):
    """The ids, or with ``is_rest`` everybody else."""

    ids: frozenset[str]
    is_rest: bool = False

    def has(self, subject_id: str) -> bool:
        """True if the id is in the set."""
        return (subject_id in self.ids) is not self.is_rest

    def complement(self) -> SubjectSet:
        """Everybody who is not in it."""
        return SubjectSet(self.ids, not self.is_rest)


NOBODY = SubjectSet(frozenset())
EVERYBODY = NOBODY.complement()


def union(sets: Iterable[SubjectSet]) -> SubjectSet:
    """Who is in any of them."""
    listed: list[frozenset[str]] = []
    rests: list[frozenset[str]] = []
    for ids, is_rest in sets:
        (rests if is_rest else listed).append(ids)
    if not rests:
        return SubjectSet(frozenset().union(*listed))
    return SubjectSet(rests[0].intersection(*rests[1:]).difference(*listed), is_rest=True)


def intersection(sets: Iterable[SubjectSet]) -> SubjectSet:
    """Who is in all of them."""
    return union(found.complement() for found in sets).complement()


class Extent(NamedTuple):
    """Who is in a set for certain, and who possibly: for those between the two the question fails.

    The algebra is that of outcomes (``engine/outcomes.py``), subject by subject.
    """

    certain: SubjectSet
    possible: SubjectSet

    @classmethod
    def of(cls, ids: Iterable[str]) -> Extent:
        """Exactly these."""
        found = SubjectSet(frozenset(ids))
        return cls(found, found)

    def complement(self) -> Extent:
        """Who is not in it."""
        return Extent(self.possible.complement(), self.certain.complement())


NONE = Extent(NOBODY, NOBODY)
ALL = Extent(EVERYBODY, EVERYBODY)
UNDECIDED = Extent(NOBODY, EVERYBODY)
"""Whatever the subject, the question fails."""
