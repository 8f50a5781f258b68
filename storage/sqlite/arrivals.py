"""Who waits for the next commit of which tenant, and how the writer thread wakes them.

A waiter first puts itself on the list and then looks whether the commit is there; the writer thread first publishes
the commit and then looks whether somebody is on the list. Whichever comes first, one of the two sees the other.
A commit of a tenant nobody waits for costs one look into a dict and never reaches the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from model.errors import ErrorCode, Unavailable


class Arrivals:
    """The waiters of one event loop, by tenant."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    async def wait(self, tenant: str, has_come: Callable[[], bool]) -> None:
        """Return once ``has_come`` or a commit of the tenant is announced. Raises Unavailable once closed."""
        self._ensure_open()
        self._loop = asyncio.get_running_loop()
        waiter = self._loop.create_future()
        self._waiting.setdefault(tenant, set()).add(waiter)
        try:
            if not has_come():
                await waiter
        finally:
            self._leave(tenant, waiter)
        self._ensure_open()

    def announce(self, tenant: str) -> None:
        """Wake who waits for a commit of the tenant. Called on the writer thread, after the head was published."""
        if tenant in self._waiting and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, tenant)

    def close(self) -> None:
        """Wake everybody; nobody waits from now on."""
        self._is_closed = True
        for tenant in self._waiting:
            self._wake(tenant)

    def __repr__(self) -> str:
        return f"Arrivals({len(self._waiting)} tenants waited for)"

    def _wake(self, tenant: str) -> None:
        for waiter in self._waiting.get(tenant, ()):
            if not waiter.done():
                waiter.set_result(None)

    def _leave(self, tenant: str, waiter: asyncio.Future[None]) -> None:
        waiting = self._waiting[tenant]
        waiting.discard(waiter)
        if not waiting:
            del self._waiting[tenant]

    def _ensure_open(self) -> None:
        if self._is_closed:
            raise Unavailable("the store is closed", ErrorCode.EXECUTION)
