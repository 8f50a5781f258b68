"""Flights: questions asked by several at the same time are looked into once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from model.errors import AuthzError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flights(Generic[K, V]):
    """What is being looked into, by key. Used from one event loop.

    There is no task behind a flight: the first who asks looks, and the others wait for it. If the first is cancelled,
    one of those who wait begins anew. A failure is everybody's; nothing of a flight outlives it. flown and joined: how
    many questions were looked into, and how many waited for an equal one first.
    """

    def __init__(self) -> None:
        self.flown = self.joined = 0
        self._landing: dict[K, asyncio.Future[V | None]] = {}

    async def join(self, key: K, look: Callable[[], Awaitable[V]]) -> V:
        """What ``look`` gives, by this call or by one of an equal key that is under way. Raises what it raises."""
        if key in self._landing:
            self.joined += 1
        while (landing := self._landing.get(key)) is not None:
            found = await asyncio.shield(landing)
            if found is not None:
                return found
        return await self._fly(key, look)

    async def _fly(self, key: K, look: Callable[[], Awaitable[V]]) -> V:
        self.flown += 1
        landing = self._landing[key] = asyncio.get_running_loop().create_future()
        try:
            found = await look()
        except AuthzError as error:
            landing.set_exception(error)
            landing.exception()  # nobody may have been waiting
            raise
        except BaseException:
            landing.set_result(None)
            raise
        finally:
            del self._landing[key]
        landing.set_result(found)
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._landing

    def __len__(self) -> int:
        return len(self._landing)
