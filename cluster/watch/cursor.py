"""A place in the history of a tenant, moving forward at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from cluster.watch.tail import Tail
from model.snapshot import Snapshot
from storage.base import Commit, Storage

T = TypeVar("T")

_ALONE = -1


class Cursor(Generic[T]):
    """What comes after a snapshot, from the tail where that reaches back far enough, else read by itself.

    A cursor that covers the tail's base can be served from the tail: what it has not seen came after the base. Entries
    that it covers it has seen, and passes over. That loses nothing under any order of snapshots, and repeats nothing
    where they are totally ordered, as those of a feed are.

    at: the snapshot up to which everything has been given.
    """

    def __init__(self, tail: Tail[T], storage: Storage, make: Callable[[Commit], Awaitable[T]], at: Snapshot) -> None:
        self.at = at
        self._tail = tail
        self._storage = storage
        self._make = make
        self._number = _ALONE  # of the entry of the tail to be given next

    def __repr__(self) -> str:
        return f"<Cursor at {self.at} of {self._tail}>"

    async def next(self, patience_s: float) -> T | None:
        """The next commit; None if there was none for so long, after which ``at`` may have moved all the same.

        Cancelled, it has given nothing and stays where it is. Raises what ended the tail, and as ``commits_since``.
        """
        while True:
            self._tail.ensure_running()
            if self._is_with_the_tail():
                item = self._take()
                if item is None and not await self._has_news(patience_s):
                    return None
            else:
                item = await self._read_alone()
            if item is not None:
                return item

    def _is_with_the_tail(self) -> bool:
        if self._number < self._tail.first:
            self._number = self._tail.first if self.at.covers(self._tail.base) else _ALONE
        return self._number != _ALONE

    def _take(self) -> T | None:
        while self._number < self._tail.end:
            entry = self._tail.entry(self._number)
            self._number += 1
            if not self.at.covers(entry.snapshot):
                self.at = entry.snapshot
                return entry.item
        return None

    async def _has_news(self, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                await self._tail.news()
        except TimeoutError:
            if self._tail.position.covers(self.at):
                self.at = self._tail.position
            return False
        return True

    async def _read_alone(self) -> T | None:
        """One commit, so that what a slow reader holds is bounded; None moves up to the head, and soon to the tail."""
        ahead = (await self._storage.head(self._tail.tenant)).snapshot
        commits = await self._storage.commits_since(self._tail.tenant, self.at, 1)
        if not commits:
            self.at = ahead
            return None
        item = await self._make(commits[0])
        self.at = commits[0].snapshot
        return item
