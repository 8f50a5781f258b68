"""The tails of a node: one for each tenant somebody follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Generic, TypeVar

from cluster.task_group import task_group
from cluster.watch.cursor import Cursor
from cluster.watch.tail import Tail
from model.errors import Unavailable
from model.snapshot import Snapshot
from storage.base import Commit, Storage

T = TypeVar("T")


class Tails(Generic[T]):
    """Starts a tail with its first follower and ends it with its last; ``running`` owns their tasks.

    make turns a commit into what followers get, once for all of them. kept_commits: how many of the most recent a tail
    keeps; who is further behind reads the store by itself. refresh_s: how long an idle tail stays where it is. commits:
    how many all tails have read so far.
    """

    def __init__(
        self, storage: Storage, make: Callable[[Commit], Awaitable[T]], *, kept_commits: int, refresh_s: float
    ) -> None:
        self._storage = storage
        self._make = make
        self._kept_commits = kept_commits
        self._refresh_s = refresh_s
        self._tails: dict[str, tuple[Tail[T], asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None
        self.commits = 0

    def __len__(self) -> int:
        return len(self._tails)

    def __repr__(self) -> str:
        return f"<Tails of {len(self._tails)} tenants>"

    @property
    def followers(self) -> int:
        """How many follow a tenant now."""
        return sum(tail.followers for tail, _ in self._tails.values())

    @property
    def lag_s(self) -> float:
        """For how long the tail furthest behind has known of commits it has not read; 0 if there is none."""
        since = [tail.behind_since_s for tail, _ in self._tails.values() if tail.behind_since_s is not None]
        return asyncio.get_running_loop().time() - min(since) if since else 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the context lasts tenants can be followed; at its end all who follow get Unavailable."""
        async with task_group() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                for tail, task in tuple(self._tails.values()):
                    tail.fail(Unavailable("the node is stopping"))
                    task.cancel()

    @asynccontextmanager
    async def following(self, tenant: str, since: Snapshot | None) -> AsyncIterator[Cursor[T]]:
        """A cursor after a snapshot; None means the head, read now.

        Raises InvalidRequest or SnapshotExpired for a snapshot that cannot be gone on from, Unavailable if the node is
        stopping.
        """
        head = (await self._storage.head(tenant)).snapshot
        if since is not None:
            await self._storage.commits_since(tenant, since, 1)  # for what it refuses
        tail = self._tail_of(tenant, head)
        tail.followers += 1
        try:
            yield Cursor(tail, self._storage, self._make, head if since is None else since)
        finally:
            tail.followers -= 1
            if not tail.followers:
                self._stop(tail)

    def _tail_of(self, tenant: str, head: Snapshot) -> Tail[T]:
        if self._group is None:
            raise Unavailable("the node is stopping")
        if tenant not in self._tails:
            tail = Tail(
                self._storage,
                self._made,
                tenant,
                head,
                kept_commits=self._kept_commits,
                refresh_s=self._refresh_s,
            )
            # Not in the context of whoever asks first: a tail serves many.
            self._tails[tenant] = tail, self._group.create_task(self._supervise(tail), context=Context())
        return self._tails[tenant][0]

    async def _made(self, commit: Commit) -> T:
        self.commits += 1
        return await self._make(commit)

    async def _supervise(self, tail: Tail[T]) -> None:
        """A tail that fails takes its followers with it, and nobody else."""
        try:
            await tail.run()
        except Exception as failure:  # whatever it is, each follower raises it at the edge
            self._forget(tail)
            tail.fail(failure)

    def _stop(self, tail: Tail[T]) -> None:
        task = self._forget(tail)
        if task is not None:
            task.cancel()

    def _forget(self, tail: Tail[T]) -> asyncio.Task[None] | None:
        """The task of the tail; None if another tail has taken its place, or none has."""
        current, task = self._tails.get(tail.tenant, (None, None))
        if current is not tail:
            return None
        del self._tails[tail.tenant]
        return task
