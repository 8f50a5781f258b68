"""What every engine that carries announcements must do, asked of the real ones."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace

import pytest
import uvloop
from structlog.testing import capture_logs

from cluster.member import Member
from cluster.membership.base import Membership
from cluster.membership.opening import membership_of
from model.errors import Unavailable
from tests.cluster.membership.engine import Engine, Place
from tests.cluster.membership.factories import ENGINES
from tests.cluster.membership.watching import PATIENCE_S, announced, following, wait_for_members, wait_until

ANN = Member("10.0.0.1:5000", zone="eu west/1", weight=3, release="0.1.0")
BEN = Member("node-2.example:5000", zone="", weight=1, release="0.2.0-rc.1")
CLUSTER = "tests"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with ENGINES[request.param]() as engine:
        yield engine


def node_of(engine: Engine, cluster: str = CLUSTER) -> Membership:
    return membership_of(engine.place(cluster).url)


@contextmanager
def process_announcing(place: Place, member: Member) -> Iterator[subprocess.Popen[bytes]]:
    """A process that announces the member, killed at the latest when the context ends."""
    texts = (place.url, member.address, member.zone, str(member.weight), member.release)
    with subprocess.Popen([sys.executable, "-m", "tests.cluster.membership.announcer", *texts]) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_announced_members_see_each_other_with_all_they_say(engine: Engine) -> None:
    one, other = node_of(engine), node_of(engine)

    async with announced(one, ANN), announced(other, BEN):
        await wait_for_members(one, ANN, BEN)
        await wait_for_members(other, ANN, BEN)


async def test_views_follow_those_who_come_and_go(engine: Engine) -> None:
    one, other = node_of(engine), node_of(engine)

    async with announced(one, ANN), asyncio.timeout(PATIENCE_S):
        await wait_for_members(one, ANN)
        async with aclosing(one.views()) as views:
            assert await anext(views) == {ANN}
            async with announced(other, BEN):
                assert await anext(views) == {ANN, BEN}
            assert await anext(views) == {ANN}


async def test_an_announcement_is_taken_back_soon(engine: Engine) -> None:
    one, other = node_of(engine), node_of(engine)
    async with announced(one, ANN):
        async with announced(other, BEN):
            await wait_for_members(one, ANN, BEN)
            leaving_at = asyncio.get_running_loop().time()
        await wait_for_members(one, ANN)
        assert asyncio.get_running_loop().time() - leaving_at < 5


async def test_who_announces_itself_anew_is_seen_as_it_is_now(engine: Engine) -> None:
    one, other = node_of(engine), node_of(engine)
    heavier = replace(BEN, weight=7, zone="b", release="0.3")
    async with announced(one, ANN):
        async with announced(other, BEN):
            await wait_for_members(one, ANN, BEN)
        async with announced(other, heavier):
            await wait_for_members(one, ANN, heavier)


async def test_a_killed_member_vanishes_by_itself(engine: Engine) -> None:
    one, place = node_of(engine), engine.place(CLUSTER)

    async with announced(one, ANN):
        with process_announcing(place, BEN) as process:
            await wait_for_members(one, ANN, BEN)
            process.kill()
            await asyncio.to_thread(place.fall)
            await wait_for_members(one, ANN, within_s=engine.vanish_s)


async def test_a_lost_engine_is_told_and_may_be_asked_again(engine: Engine) -> None:
    one = node_of(engine)
    announcing = asyncio.create_task(one.announce(ANN))
    await wait_for_members(one, ANN)

    async with asyncio.timeout(PATIENCE_S), aclosing(one.views()) as views:
        assert await anext(views) == {ANN}
        await asyncio.to_thread(engine.stop)
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
            await anext(views)
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
            await announcing
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
            await anext(one.views())

    await asyncio.to_thread(engine.start)
    async with announced(one, ANN):
        await wait_for_members(one, ANN)


async def test_an_engine_that_was_never_there_is_told(engine: Engine) -> None:
    one = node_of(engine)
    await asyncio.to_thread(engine.stop)

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable):
            await one.announce(ANN)
        with pytest.raises(Unavailable):
            await anext(one.views())


async def test_what_is_no_member_is_left_out_with_a_warning_that_names_it(engine: Engine) -> None:
    one = node_of(engine)
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        with capture_logs() as events:
            async with following(one) as views, announced(node_of(engine), BEN):
                stranger = await asyncio.to_thread(engine.announce_nonsense, CLUSTER)
                await wait_until(lambda: warns_of(stranger, events) and views[-1] == {ANN, BEN})

    assert all(view <= {ANN, BEN} for view in views)


def warns_of(name: str, events: Sequence[Mapping[str, object]]) -> bool:
    return any(event["log_level"] == "warning" and name in map(str, event.values()) for event in events)


async def test_clusters_that_share_an_engine_do_not_see_each_other(engine: Engine) -> None:
    one, other = node_of(engine, "staging"), node_of(engine, "staging.eu")

    async with announced(one, ANN), announced(other, BEN):
        await wait_for_members(one, ANN)
        await wait_for_members(other, BEN)


def test_all_of_it_goes_on_the_loop_that_nodes_run_on(engine: Engine) -> None:
    async def tell() -> None:
        one, other = node_of(engine), node_of(engine)
        async with announced(one, ANN):
            async with announced(other, BEN):
                await wait_for_members(one, ANN, BEN)
            await wait_for_members(one, ANN)
        await asyncio.to_thread(engine.stop)
        with pytest.raises(Unavailable):
            await anext(one.views())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(tell())


async def test_who_is_cancelled_at_once_leaves_nothing_behind(engine: Engine) -> None:
    one, other = node_of(engine), node_of(engine)
    async with announced(one, ANN):
        for turns in range(6):
            announcing = asyncio.create_task(other.announce(BEN))
            for _ in range(turns):
                await asyncio.sleep(0.002)
            announcing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await announcing
        await wait_for_members(one, ANN)
