"""How often the issuer is asked, who waits, and who knows in the end."""
# ruff: noqa: ASYNC110 - what is waited for has no event of its own

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.auth import key_ring
from api.auth.issuer_keys import IssuerKeys
from api.auth.key_ring import FetchAllowance, KeyRing
from api.auth.settings import OidcSettings
from model.errors import LimitExceeded, Unavailable
from node.background import kept_running

SETTINGS = OidcSettings("https://issuer", "api")
ALWAYS = replace(SETTINGS, unknown_key_pause_s=0.0, unknown_key_tries=1_000)


def keys(*ids: str) -> IssuerKeys:
    return IssuerKeys({}, frozenset(ids), repr(ids).encode())


class Source:
    """Publishes what a test says; a fetch waits while the source is held."""

    def __init__(self) -> None:
        self.answer: IssuerKeys | Exception = keys("a")
        self.asked = 0
        self.asked_again = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def fetch_keys(self) -> IssuerKeys:
        self.asked += 1
        self.asked_again.set()
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def ring_of(source: Source, settings: OidcSettings = ALWAYS) -> AsyncIterator[KeyRing]:
    ring = KeyRing(source, keys("a"), settings)
    async with asyncio.timeout(10), kept_running(ring.refresh_forever):
        yield ring


# --- the allowance ---


@given(steps=st.lists(st.integers(0, 20).map(lambda quarters: quarters / 4), max_size=200))
def test_within_any_window_there_are_no_more_fetches_than_allowed_nor_closer_ones(steps: list[float]) -> None:
    allowance = FetchAllowance(SETTINGS)
    now_s, made = 0.0, list[float]()
    for step in steps:
        now_s += step
        if allowance.spend(now_s):
            made.append(now_s)
    assert all(later - earlier >= SETTINGS.unknown_key_pause_s for earlier, later in pairwise(made))
    for began in made:  # a window may end in the middle of the next one, hence twice as many
        inside = [at for at in made if began <= at < began + SETTINGS.unknown_key_window_s]
        assert len(inside) <= 2 * SETTINGS.unknown_key_tries


def test_what_is_spent_is_back_after_the_window_or_when_it_was_worth_it() -> None:
    allowance = FetchAllowance(replace(SETTINGS, unknown_key_tries=2, unknown_key_pause_s=1.0))
    assert [allowance.spend(at) for at in (0.0, 0.5, 1.0, 2.0, 11.9, 12.0)] == [True, False, True, False, False, True]
    assert [allowance.spend(at) for at in (13.0, 14.0)] == [True, False]
    allowance.begin_anew()
    assert [allowance.spend(at) for at in (13.5, 14.0)] == [False, True]


# --- the ring ---


async def test_a_known_key_is_found_without_asking() -> None:
    source = Source()
    async with ring_of(source) as ring:
        assert await ring.find("a")
    assert source.asked == 0


async def test_all_who_miss_a_key_share_the_fetch_in_progress_and_the_next() -> None:
    source = Source()
    source.may_answer.clear()
    async with ring_of(source) as ring, asyncio.TaskGroup() as group:
        finding = [group.create_task(ring.find("b")) for _ in range(100)]
        await source.asked_again.wait()
        finding += [group.create_task(ring.find("c")) for _ in range(100)]
        await asyncio.sleep(0)
        source.answer = keys("a", "b")
        source.may_answer.set()
    assert [task.result() for task in finding] == [True] * 100 + [False] * 100
    assert source.asked == 2  # the first may have begun before c was published


async def test_a_key_published_while_a_fetch_was_under_way_is_found_by_the_next() -> None:
    class Publishing(Source):
        async def fetch_keys(self) -> IssuerKeys:
            read = self.answer  # the issuer reads its keys, then a new one is published, then the answer arrives
            await super().fetch_keys()
            self.answer = keys("a", "b")
            assert isinstance(read, IssuerKeys)
            return read

    source = Publishing()
    async with ring_of(source) as ring:
        assert await ring.find("b")
    assert source.asked == 2


async def test_with_nothing_left_to_spend_an_unknown_key_is_refused_without_asking() -> None:
    source = Source()
    async with ring_of(source, SETTINGS) as ring:
        assert [await ring.find("b") for _ in range(50)] == [False] * 50
    assert source.asked == 1


async def test_a_caller_who_gives_up_takes_the_fetch_from_nobody() -> None:
    source = Source()
    source.may_answer.clear()
    async with ring_of(source) as ring, asyncio.TaskGroup() as group:
        impatient, patient = (group.create_task(ring.find("b")) for _ in range(2))
        await source.asked_again.wait()
        impatient.cancel()
        await asyncio.sleep(0)
        source.answer = keys("b")
        source.may_answer.set()
    assert impatient.cancelled()
    assert patient.result()
    assert "0 waiting" in repr(ring)


async def test_no_more_than_so_many_callers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_ring, "_MOST_WAITING", 1)
    source = Source()
    source.may_answer.clear()
    async with ring_of(source) as ring, asyncio.TaskGroup() as group:
        waiting = group.create_task(ring.find("b"))
        await source.asked_again.wait()
        with pytest.raises(LimitExceeded) as refused:
            await ring.find("c")
        assert refused.value.retry_after_s is not None
        source.may_answer.set()
        assert not await waiting


@pytest.mark.parametrize("failure", [Unavailable("down"), RuntimeError("a bug")])
async def test_a_fetch_that_fails_leaves_the_keys_and_the_loop_as_they_are(failure: Exception) -> None:
    source = Source()
    source.answer = failure
    with capture_logs() as logs:
        async with ring_of(source) as ring:
            with pytest.raises(Unavailable, match="cannot be fetched now"):
                await ring.find("b")
            assert await ring.find("a")
            source.answer = keys("b")
            assert await ring.find("b")
            assert not await ring.find("a")
    assert [entry["log_level"] for entry in logs][:2] in (["warning", "warning"], ["error", "error"])
    assert logs[-1]["event"] == "the token issuer has other keys"


async def test_keys_are_fetched_at_intervals_without_anybody_asking() -> None:
    source = Source()
    source.answer = keys("z")
    async with ring_of(source, replace(SETTINGS, refresh_interval_s=0.001)) as ring:
        while "z" not in ring.keys.ids:
            await asyncio.sleep(0)
        kept = ring.keys
        source.asked_again.clear()
        await source.asked_again.wait()
    assert ring.keys is kept  # the same document makes no new keys, so good tokens stay remembered


async def test_the_end_of_the_loop_is_its_cancelling() -> None:
    source: Any = Source()
    source.may_answer.clear()
    ring = KeyRing(source, keys("a"), replace(SETTINGS, refresh_interval_s=0.001))
    task = asyncio.ensure_future(ring.refresh_forever())
    await source.asked_again.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
