"""The tail of a tenant: its most recent commits, read once each and kept for all who follow.

A tail starts at the head of its time and goes on from there. What it has read it keeps, numbered in order of arrival,
up to a bound; then it lets go of the oldest. Nobody is told anything: followers are cursors that pull, so what a tail
holds does not depend on how many follow it or how slowly.

    base                                   position
     │  entry first, first + 1, …, end - 1  │  (what comes next)

``base`` is the snapshot before the first entry, ``position`` the one up to which everything is kept or let go. An idle
tail moves its position up to the head now and then: left behind, it would fall behind the horizon.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from model.snapshot import Snapshot
from storage.base import Commit, Storage

T = TypeVar("T")

_COMMITS_AT_ONCE = 10
_WOKEN_PER_TURN = 25
"""Each sends its message right away, which takes some 90 µs. Were 1000 woken at once, another call right after a write
would wait 110 ms; so it waits 40 (``bench/watch_streams.py --writes-per-s 3``)."""
_MOST_CHANGES_KEPT = 50_000  # some 20 MB; commits may be of any size, so their number alone bounds nothing


class Entry(NamedTuple, Generic[T]):
    """A commit as its followers get it. snapshot sees it and everything before; changes: how many it has."""

    snapshot: Snapshot
    item: T
    changes: int


class Tail(Generic[T]):
    """Of one tenant. ``run`` fills it until it is cancelled or fails; ``fail`` ends it for its followers.

    behind_since_s: since when, in the loop's time, it has known of commits it has not read; None if there are none.
    """

    def __init__(
        self,
        storage: Storage,
        make: Callable[[Commit], Awaitable[T]],
        tenant: str,
        start: Snapshot,
        *,
        kept_commits: int,
        refresh_s: float,
    ) -> None:
        self.tenant = tenant
        self.followers = 0
        self.base = self.position = start
        self.first = 0
        self.behind_since_s: float | None = None
        self._entries: deque[Entry[T]] = deque()
        self._changes_kept = 0
        self._failure: Exception | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._storage = storage
        self._make = make
        self._kept_commits = kept_commits
        self._refresh_s = refresh_s

    def __repr__(self) -> str:
        return (
            f"<Tail of {self.tenant}: {len(self._entries)} commits up to {self.position}, {self.followers} followers>"
        )

    @property
    def end(self) -> int:
        """The number the next entry will have."""
        return self.first + len(self._entries)

    def entry(self, number: int) -> Entry[T]:
        """One of those kept, by number."""
        return self._entries[number - self.first]

    def ensure_running(self) -> None:
        """Raise what ended the tail, if anything has."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # raised in many tasks, it must not collect the frames of all

    async def news(self) -> None:
        """Return when there is another entry. Raises what ended the tail."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
        self.ensure_running()

    def fail(self, failure: Exception) -> None:
        """End the tail: the failure is raised to all its followers."""
        self._failure = failure
        self._wake()

    async def run(self) -> None:
        """Read what is committed, as long as it can be read. Raises as ``commits_since`` does."""
        ahead = self.position  # nothing of the tenant was committed between the position and this, if anything at all
        while True:
            commits = await self._storage.commits_since(self.tenant, self.position, _COMMITS_AT_ONCE)
            if commits:
                for commit in commits:
                    self._keep(Entry(commit.snapshot, await self._make(commit), len(commit.changes)))
                ahead = self.position
                continue
            self.position = ahead
            self.behind_since_s = None
            try:
                async with asyncio.timeout(self._refresh_s):
                    await self._storage.wait_for_commit(self.tenant, self.position)
                self.behind_since_s = asyncio.get_running_loop().time()
            except TimeoutError:
                ahead = (await self._storage.head(self.tenant)).snapshot

    def _keep(self, entry: Entry[T]) -> None:
        self._entries.append(entry)
        self._changes_kept += entry.changes
        self.position = entry.snapshot
        while len(self._entries) > 1 and (
            len(self._entries) > self._kept_commits or self._changes_kept > _MOST_CHANGES_KEPT
        ):
            gone = self._entries.popleft()
            self._changes_kept -= gone.changes
            self.base = gone.snapshot
            self.first += 1
        self._wake()

    def _wake(self) -> None:
        _wake_in_turns(tuple(self._waiting), 0)


def _wake_in_turns(waiting: Sequence[asyncio.Future[None]], start: int) -> None:
    """Wake some, and the others in the turns of the loop that follow: other calls come in between."""
    for waiter in waiting[start : start + _WOKEN_PER_TURN]:
        if not waiter.done():
            waiter.set_result(None)
    if start + _WOKEN_PER_TURN < len(waiting):
        asyncio.get_running_loop().call_soon(_wake_in_turns, waiting, start + _WOKEN_PER_TURN)
