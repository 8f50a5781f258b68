"""Announcing members and looking who is there, as tests do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from cluster.member import Member
from cluster.membership.base import Membership
from model.errors import Unavailable

PATIENCE_S = 30.0


@asynccontextmanager
async def announced(membership: Membership, member: Member) -> AsyncIterator[None]:
    """It is being announced while the context lasts, and has been taken back afterwards."""
    async with asyncio.TaskGroup() as group:
        announcing = group.create_task(membership.announce(member))
        try:
            yield
        finally:
            announcing.cancel()


@asynccontextmanager
async def following(membership: Membership) -> AsyncIterator[list[frozenset[Member]]]:
    """Its views, gathered while the context lasts."""

    async def follow() -> None:
        async with aclosing(membership.views()) as views:
            async for view in views:
                gathered.append(view)  # noqa: PERF401 - at once, as there is no end of them

    gathered: list[frozenset[Member]] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        try:
            yield gathered
        finally:
            task.cancel()


async def wait_until(claim: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Return once the claim is true; fails if it does not become so."""
    async with asyncio.timeout(within_s):
        while not claim():  # noqa: ASYNC110 - it is another process that brings it about
            await asyncio.sleep(0.02)


async def wait_for_members(membership: Membership, *members: Member, within_s: float = PATIENCE_S) -> None:
    """Return once just these are there, asking again as long as nobody answers; fails if that does not come about."""
    latest: object = "no view"
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    async with aclosing(membership.views()) as views:
                        async for latest in views:
                            if latest == frozenset(members):
                                return
                except Unavailable as error:
                    latest = error
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{latest!r} instead of {members}") from None
