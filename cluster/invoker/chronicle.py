"""The chronicle of one tenant: how far this node has heard the news, and what was touched on the way.

A chronicle moves on in *steps*, from one head to the next, each head covering the one before. Step n brought the keys
of all that was touched by what head n sees and head n-1 does not. From that follows what cached answers live by:

    Of what head m sees and a snapshot S does not, all was touched in the steps after k, if S covers head k.

For a transaction that head k sees is seen by S too; so one that S does not see came in one of the steps k+1 to m. Hence
an answer that holds up to S, and depends on keys none of which were touched in those steps, holds up to head m.

What is remembered is bounded. About what was touched before that nothing is known, and no answer is carried on from
there. Bulk news, a collection that overtook us, the deletion of the tenant: all are a step that may have touched
anything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection

from model.snapshot import Snapshot
from storage.base import Head, News

MOST_KEYS_REMEMBERED = 200_000
"""Touched keys a chronicle remembers, some 150 bytes each; a tuple written touches about eight.

Answers nobody asked for while so many were touched are given up; more keep them.
"""
_MOST_HEADS = 10_000  # steps whose heads are remembered


class Chronicle:
    """One tenant's. Nothing here is awaited: news are read elsewhere and taken in in one go.

    head: the newest head heard of. history: as ``storage.base.News`` has it; a chronicle belongs to one. steps: how
    many it has made. is_relied_on: an answer may be carried on from one of them; else nobody needs to know what was
    touched.
    """

    __slots__ = (
        "_forgotten",
        "_heads",
        "_most_keys",
        "_older",
        "_older_end",
        "_recent",
        "head",
        "history",
        "is_relied_on",
        "steps",
    )

    def __init__(self, head: Head, history: str, *, most_keys: int = MOST_KEYS_REMEMBERED) -> None:
        self.head = head
        self.history = history
        self.steps = 0
        self.is_relied_on = False
        self._most_keys = most_keys
        self._heads: deque[Snapshot] = deque([head.snapshot])  # the last is that of the present step
        # The last step that touched a key, in two generations: when the recent one is full, the older one goes.
        self._recent: dict[int, int] = {}
        self._older: dict[int, int] = {}
        self._older_end = 0  # the last step in the older generation
        self._forgotten = 0  # keys touched up to this step may be missing

    def has_heard(self, news: News) -> bool:
        """True if the news are none any more; a newer schema version is taken note of."""
        present = self.head.snapshot
        if news.history != self.history or not present.covers(news.head.snapshot):
            return False
        if news.head.snapshot == present and news.head.schema_version != self.head.schema_version:
            self.head = Head(present, news.head.schema_version)  # the snapshot stays the very object
        return True

    def can_go_on_to(self, news: News) -> bool:
        """True if the news lead on from the present head."""
        return news.history == self.history and news.head.snapshot.covers(self.head.snapshot)

    def go_on(self, head: Head, touched: Collection[int] | None) -> None:
        """Make a step to a head that covers the present one; None if anything may have been touched on the way."""
        self.steps += 1
        self.head = head
        self._heads.append(head.snapshot)
        if len(self._heads) > _MOST_HEADS:
            self._heads.popleft()
        if touched is None:
            self._recent, self._older = {}, {}
            self._forgotten = self._older_end = self.steps
            self.is_relied_on = False
            return
        self._recent.update(dict.fromkeys(touched, self.steps))
        if len(self._recent) > self._most_keys // 2:
            self._forgotten, self._older_end = self._older_end, self.steps
            self._older, self._recent = self._recent, {}

    def step_at(self, snapshot: Snapshot) -> int | None:
        """The last step whose head the snapshot covers; None if it is too old to tell."""
        if snapshot is self.head.snapshot:
            return self.steps
        place = bisect_right(self._heads, False, key=lambda head: not snapshot.covers(head))
        return self.steps - len(self._heads) + place if place else None

    def is_untouched_since(self, step: int, keys: Collection[int]) -> bool:
        """True if it is known that none of the keys was touched after a step."""
        if step == self.steps:
            return True
        if step < self._forgotten:
            return False
        return _is_untouched(self._recent, step, keys) and _is_untouched(self._older, step, keys)

    def __repr__(self) -> str:
        return f"Chronicle(step {self.steps}, {len(self._recent) + len(self._older)} keys touched)"


def _is_untouched(touched: dict[int, int], step: int, keys: Collection[int]) -> bool:
    return touched.keys().isdisjoint(keys) or all(touched.get(key, 0) <= step for key in keys)
