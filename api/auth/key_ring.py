"""The issuer's keys as known now, fetched again at intervals and when a token names a key that is not among them.

Whoever meets an unknown key asks the ring; one loop fetches for all of them, so there is never more than one request
at a time, and an allowance bounds how many there are, whatever tokens strangers send. A fetch that fails leaves the
keys as they are. Nobody waits longer than for the fetch in progress and the one after it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from api.auth.issuer_keys import IssuerKeys
from api.auth.settings import OidcSettings
from model.errors import AuthzError, LimitExceeded, Unavailable

log = structlog.get_logger(__name__)

_MOST_WAITING = 1_000  # calls


class KeySource(Protocol):
    """Where keys come from."""

    async def fetch_keys(self) -> IssuerKeys:
        """The keys now. Raises Unavailable if they cannot be had."""
        ...


class FetchAllowance:
    """How often unknown keys may cause a fetch: so many within a window that begins with the first, and not too close.

    Finding new keys begins anew, but for the pause. Source: reference wire-api §8.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._began_at_s = float("-inf")
        self._last_at_s = float("-inf")
        self._spent = 0

    def spend(self, now_s: float) -> bool:
        """True if a fetch is allowed now; it counts as made."""
        if now_s < self._last_at_s + self._settings.unknown_key_pause_s:
            return False
        if now_s >= self._began_at_s + self._settings.unknown_key_window_s:
            self._began_at_s, self._spent = now_s, 0
        if self._spent >= self._settings.unknown_key_tries:
            return False
        self._last_at_s = now_s
        self._spent += 1
        return True

    def begin_anew(self) -> None:
        """Forget what was spent, since it was worth it."""
        self._spent = 0


class KeyRing:
    """The keys, and the one who fetches them. ``keys`` is replaced as a whole, never changed."""

    def __init__(
        self,
        source: KeySource,
        keys: IssuerKeys,
        settings: OidcSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = keys
        self._source = source
        self._interval_s = settings.refresh_interval_s
        self._allowance = FetchAllowance(settings)
        self._clock = clock
        self._wanted = asyncio.Event()
        self._fetched: asyncio.Future[None] | None = None
        self._waiting = 0
        self._is_source_silent = False

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self.keys.ids)}, {self._waiting} waiting>"

    async def find(self, key_id: str) -> bool:
        """True if there is such a key, after fetching if there is not and a fetch is allowed.

        Raises Unavailable if there is none and the source did not answer when it was last asked, so that nobody knows,
        and LimitExceeded if too many calls wait to know.
        """
        for _ in range(2):  # a fetch in progress may have begun before the key was published; the next one has not
            if key_id in self.keys.ids or (self._fetched is None and not self._ask()):
                break
            await self._next_fetch()
        if key_id in self.keys.ids:
            return True
        if self._is_source_silent:
            raise Unavailable("the key of the token is unknown, and the issuer's keys cannot be fetched now")
        return False

    async def refresh_forever(self) -> None:
        """Fetch when asked to and at intervals, until cancelled; a failure is logged."""
        while True:
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._fetched = self._fetched or asyncio.get_running_loop().create_future()
            await self._refresh()
            self._wanted.clear()
            self._fetched.set_result(None)
            self._fetched = None

    def _ask(self) -> bool:
        """Have the keys fetched, if that is allowed now."""
        if not self._allowance.spend(self._clock()):
            return False
        self._fetched = asyncio.get_running_loop().create_future()
        self._wanted.set()
        return True

    async def _next_fetch(self) -> None:
        assert self._fetched is not None
        if self._waiting >= _MOST_WAITING:
            raise LimitExceeded("too many calls wait for the keys of the token issuer", retry_after_s=1.0)
        self._waiting += 1
        try:
            await asyncio.shield(self._fetched)
        finally:
            self._waiting -= 1

    async def _refresh(self) -> None:
        try:
            keys = await self._source.fetch_keys()
        except AuthzError as error:
            self._is_source_silent = True
            log.warning("the keys of the token issuer cannot be fetched; the known ones stay", error=str(error))
            return
        except Exception as error:  # the supervisor: a bug in reading keys must not end the node
            self._is_source_silent = True
            log.exception("fetching the keys of the token issuer failed", exc_info=error)
            return
        self._is_source_silent = False
        if not keys.ids <= self.keys.ids:
            self._allowance.begin_anew()
        if keys.fingerprint != self.keys.fingerprint:
            log.info("the token issuer has other keys", keys=len(keys.ids))
            self.keys = keys
