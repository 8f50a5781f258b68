"""A list in byte order without repetition, merged from many sorted arms of which only as much is read as is needed.

Every arm is read a little at first; those that hold the merge back are read on, in growing portions. So a stretch costs
a look at each arm and little more than its own length, whether a few arms are long or many are short. How an arm is
read is the store's; this only says which arms to read on, and how far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress
from typing import Generic, TypeVar

from storage.base import Stretch

F = TypeVar("F")

_LEAST_PORTION = 4


class Arm(Generic[F]):
    """One sorted source. form: what it has in common with others; key: what it has not. last: the id it has been read
    through, at first the one the list begins beyond.
    """

    __slots__ = ("form", "is_done", "key", "last")

    def __init__(self, form: F, key: str, beyond: str) -> None:
        self.form = form
        self.key = key
        self.last = beyond
        self.is_done = False


class Merge(Generic[F]):
    """One list in the making, of about so many ids. It is finished when no arm holds it back any more.

    holding: the arms to read on from their ``last``. portion: how many rows of each, at most ``most``, and in the first
    round no more than ``first``, if given, unless that is very few.
    """

    def __init__(self, arms: Sequence[Arm[F]], about: int, *, most: int, first: int | None = None) -> None:
        self._open = list(arms)
        self._about = about
        self._most = min(most, about + 1)
        self._growing = max(_LEAST_PORTION, min(first or most, 2 * about // max(1, len(arms))))
        self._ids: set[str] = set()
        self._bound: str | None = None  # the id up to which the list is wanted, once there are enough
        self.holding: Sequence[Arm[F]] = self._open

    @property
    def portion(self) -> int:
        """How many rows to read of each arm in this round."""
        return min(self._growing, self._most)

    def learn(
        self, arms: Sequence[Arm[F]], places: Sequence[int], ids: Sequence[str], counts: Sequence[bool] | None = None
    ) -> None:
        """Take in a portion of each of these arms.

        Aligned for each row: the place of its arm among them, from 1 on, its id, and whether the id counts, as all do
        if nothing is said. One that does not was looked at all the same, and the arm goes on beyond it. An arm with
        less than a portion is at its end.
        """
        portion = self.portion
        self._ids.update(ids if counts is None else compress(ids, counts))
        full = {place: "" for place, rows in Counter(places).items() if rows >= portion}
        if full:
            for place, found in zip(places, ids, strict=True):
                if place in full and found > full[place]:
                    full[place] = found
        for place, arm in enumerate(arms, 1):
            if place in full:
                arm.last = full[place]
            else:
                arm.is_done = True

    def end_round(self) -> None:
        """All that held the merge back have been read on: see which do so still."""
        self._growing *= 4
        self._open = [arm for arm in self._open if not arm.is_done]
        if self._open and len(self._ids) >= self._about:
            self._bound = sorted(self._ids)[self._about - 1]
        self.holding = [arm for arm in self._open if self._bound is None or arm.last < self._bound]

    def stretch(self) -> Stretch:
        """What was found, once nothing holds the merge back."""
        if not self._open or self._bound is None:
            return Stretch(sorted(self._ids), None)
        bound = self._bound
        return Stretch(sorted(found for found in self._ids if found <= bound), bound)
