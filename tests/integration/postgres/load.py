"""Callers who go on calling whatever happens, and an account of what they are told.

It is held to four promises: each call ends in its time; what was acknowledged is so; no answer is wrong; and an error
says what is the matter.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc

from tests.integration.postgres.serving import SLACK_S, revoke
from tests.support.client import Client, explanation
from tests.support.eventually import eventually

T = TypeVar("T")

DEADLINE_S = 2.0
_PAUSE_S = 0.005
_AT_ONCE = 100
_CLEAR = {"ERROR_CODE_DATASTORE", "ERROR_CODE_EXECUTION"}
_PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


class Account:
    """What became of calls.

    kept: entities whose grant was acknowledged. gone: those whose grant was acknowledged, and then its revoke too.
    failures: how often each status was met.
    """

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.gone: list[str] = []
        self.failures: Counter[grpc.StatusCode] = Counter()
        self._wrong: list[str] = []
        self._unclear: list[str] = []

    async def outcome(self, call: Awaitable[T]) -> T | None:
        """What a call gives; None if it fails. It must end in its time."""
        begun_s = time.monotonic()
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            self.failures[error.code()] += 1
            is_its_own = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # the client's, which needs no words
            if not is_its_own and not (error.details() in _CLEAR and explanation(error)):
                self._unclear.append(f"{error.code()}: {error.details()}")
            return None
        finally:
            assert time.monotonic() - begun_s < DEADLINE_S + SLACK_S

    def compare(self, entity: str, *, is_allowed: bool | None, right: bool) -> None:
        """Take note of an answer; None is none."""
        if is_allowed is not None and is_allowed is not right:
            self._wrong.append(entity)

    def ensure_clear(self, *also: grpc.StatusCode) -> None:
        """No answer was wrong; errors were such as may be tried again, or one of those, and left nobody guessing."""
        assert not self._wrong
        assert not self._unclear
        assert self.failures.keys() <= {*_PASSING, *also}


@asynccontextmanager
async def load_on(client: Client, *, writers: int = 3, askers: int = 2) -> AsyncIterator[Account]:
    """Callers who write and ask while the context lasts; the account may be read at any time."""
    callers = _Callers(client.within(DEADLINE_S))
    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
            group.create_task(callers.write())
        for _ in range(askers):
            group.create_task(callers.ask())
        try:
            yield callers.account
        finally:
            callers.is_over = True


class _Callers:
    def __init__(self, client: Client) -> None:
        self.account = Account()
        self.is_over = False
        self._client = client
        self._numbers = itertools.count()

    async def write(self) -> None:
        """Grant, then grant and revoke another, and so on. What became of a revoke that failed nobody knows."""
        while not self.is_over:
            number = next(self._numbers)
            kept, gone = f"doc:k{number}", f"doc:g{number}"
            if await self.account.outcome(self._client.write(f"{kept}#viewer@user:1")):
                self.account.kept.append(kept)
            if await self.account.outcome(self._client.write(f"{gone}#viewer@user:1")):
                await self.account.outcome(self._take_away(gone))
            await asyncio.sleep(_PAUSE_S)

    async def ask(self) -> None:
        """Ask after what was acknowledged, here and there in it."""
        for turn in itertools.count():
            if self.is_over:
                return
            for asked, right in ((self.account.kept, True), (self.account.gone, False)):
                if asked:
                    entity = asked[turn * 7919 % len(asked)]
                    is_allowed = await self.account.outcome(self._client.can(f"{entity}#view@user:1"))
                    self.account.compare(entity, is_allowed=is_allowed, right=right)
            await asyncio.sleep(_PAUSE_S)

    async def _take_away(self, entity: str) -> None:
        await revoke(self._client, entity, "1")
        self.account.gone.append(entity)


async def some_done(account: Account, *, more: int = 30) -> None:
    """Return once so many more grants are acknowledged."""
    goal = len(account.kept) + more

    async def they_are() -> bool:
        return len(account.kept) >= goal

    await eventually(they_are, patience_s=30)


async def ensure_kept(client: Client, account: Account) -> None:
    """Every grant acknowledged is ALLOWED, every revoke acknowledged DENIED, and there were some of each."""
    assert account.kept
    assert account.gone
    kept, gone = list(account.kept), list(account.gone)
    assert await _allowed(client, kept) == kept
    assert await _allowed(client, gone) == []


async def failure_of(call: Awaitable[object]) -> grpc.StatusCode:
    """The status of a call that must fail clearly."""
    account = Account()
    assert await account.outcome(call) is None, "it must fail"
    account.ensure_clear(grpc.StatusCode.INTERNAL)
    (status,) = account.failures
    return status


async def _allowed(client: Client, entities: Sequence[str]) -> list[str]:
    places = asyncio.Semaphore(_AT_ONCE)

    async def is_allowed(entity: str) -> bool:
        async with places:
            return await client.can(f"{entity}#view@user:1")

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(is_allowed(entity)) for entity in entities]
    return [entity for entity, task in zip(entities, asked, strict=True) if task.result()]
