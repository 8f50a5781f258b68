"""Leases in Redis: when they end, who may take them back, and what is seen of them without a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest
from structlog.testing import capture_logs

from cluster.member import Member
from cluster.membership.redis import RedisMembership
from cluster.redis_server import RedisServer
from model.errors import Misconfigured, Unavailable
from tests.cluster.membership.watching import announced, following, wait_for_members, wait_until
from tests.support.redis import OwnRedis, redis_server

ANN = Member("10.0.0.1:5000", zone="a", weight=3, release="0.1.0")
SECRET = "open-sesame"


@pytest.fixture
def redis() -> Iterator[OwnRedis]:
    with redis_server() as redis:
        yield redis


def node_of(redis: OwnRedis, *, lease_s: float = 6.0, poll_s: float = 2.0) -> RedisMembership:
    return RedisMembership(RedisServer.of(redis.url()), lease_s=lease_s, poll_s=poll_s)


def key(name: str) -> str:
    return f"ringward:{{ringward}}:{name}"


@pytest.mark.parametrize(
    "form", ["redis://{}@127.0.0.1:1/x", "redis://{}@127.0.0.1:1?lease=3", "redis://{}@127.0.0.1:0"]
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secret(form: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        RedisMembership.of(form.format(f"me:{SECRET}"))
    assert SECRET not in str(refused.value)


def test_a_membership_shows_where_it_is_and_no_secret() -> None:
    assert repr(RedisMembership.of(f"redis://me:{SECRET}@cache:6380/2")) == "<RedisMembership redis://cache:6380/2>"


async def test_a_message_tells_long_before_the_next_look(redis: OwnRedis) -> None:
    one = node_of(redis, poll_s=3600)
    async with following(one) as views:
        await wait_until(lambda: views == [frozenset()])
        async with announced(node_of(redis), ANN):
            await wait_until(lambda: views[-1] == {ANN}, within_s=5)
        await wait_until(lambda: views[-1] == frozenset(), within_s=5)


async def test_what_no_message_told_of_is_seen_at_the_next_look(redis: OwnRedis) -> None:
    async with following(node_of(redis, poll_s=0.05)) as views, announced(node_of(redis), ANN):
        await wait_until(lambda: views[-1:] == [frozenset({ANN})])
        redis.command("DEL", key(f"member:{ANN.address}"))
        await wait_until(lambda: views[-1] == frozenset())


async def test_a_lost_subscription_is_made_anew(redis: OwnRedis) -> None:
    async with following(node_of(redis, poll_s=0.2)) as views:
        await wait_until(lambda: views == [frozenset()])
        assert redis.command("CLIENT", "KILL", "TYPE", "pubsub") == "1"
        async with announced(node_of(redis), ANN):
            await wait_until(lambda: views[-1] == {ANN})
        await wait_until(lambda: redis.command("PUBSUB", "NUMSUB", key("changes")).endswith("1"))


async def test_many_who_come_at_once_are_few_changes(redis: OwnRedis) -> None:
    crowd = [Member(f"10.0.1.{number}:5000") for number in range(20)]
    async with following(node_of(redis)) as views, asyncio.TaskGroup() as group:
        await wait_until(lambda: views == [frozenset()])
        announcing = [group.create_task(node_of(redis).announce(member)) for member in crowd]
        await wait_until(lambda: views[-1] == frozenset(crowd))
        assert len(views) < len(crowd)
        for task in announcing:
            task.cancel()


async def test_an_emptied_redis_is_filled_again_within_a_third_of_the_lease(redis: OwnRedis) -> None:
    one = node_of(redis, lease_s=1.5)
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        redis.command("FLUSHALL")
        await wait_for_members(one, ANN, within_s=1.5)


async def test_a_redis_started_again_empty_is_filled_by_the_same_announcement(redis: OwnRedis) -> None:
    one = node_of(redis, lease_s=3.0)
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        redis.stop()
        redis.start()
        await wait_for_members(one, ANN)


async def test_who_took_the_place_keeps_it_when_the_former_leaves(redis: OwnRedis) -> None:
    former, newcomer = asyncio.create_task(node_of(redis).announce(ANN)), node_of(redis)
    await wait_for_members(node_of(redis), ANN)
    lease = redis.command("GET", key(f"member:{ANN.address}"))
    async with announced(newcomer, ANN):
        await wait_until(lambda: redis.command("GET", key(f"member:{ANN.address}")) != lease)
        former.cancel()
        with pytest.raises(asyncio.CancelledError):
            await former
        await wait_for_members(newcomer, ANN)


async def test_nothing_stays_of_those_who_left_or_died(redis: OwnRedis) -> None:
    one = node_of(redis, lease_s=0.3)
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
    redis.command("SET", key("member:dead:5000"), "{}", "PX", "100")
    redis.command("SADD", key("members"), "dead:5000")
    redis.command("PEXPIRE", key("members"), "300")
    await wait_until(lambda: redis.command("KEYS", "*") == "")


async def test_names_without_a_lease_are_cleared_away_by_who_looks(redis: OwnRedis) -> None:
    redis.command("SADD", key("members"), "gone:5000")
    await wait_for_members(node_of(redis))
    assert redis.command("EXISTS", key("members")) == "0"


@pytest.mark.parametrize("said", ["", "[", "[]", '"text"', "{}", '{"zone": "a", "weight": 3, "release": ""}', "\xff"])
async def test_what_cannot_be_read_is_warned_of_once(redis: OwnRedis, said: str) -> None:
    redis.command("SET", key("member:odd:5000"), said)
    redis.command("SADD", key("members"), "odd:5000")
    with capture_logs() as events:
        async with following(node_of(redis, poll_s=0.02)) as views, announced(node_of(redis), ANN):
            await wait_until(lambda: views[-1:] == [frozenset({ANN})])
            await asyncio.sleep(0.2)
    assert [event["member"] for event in events] == ["odd:5000"]


async def test_keys_of_another_type_are_told_as_a_fault(redis: OwnRedis) -> None:
    redis.command("SET", key("members"), "not a set")
    one = node_of(redis)
    with pytest.raises(Unavailable, match="WRONGTYPE"):
        await anext(one.views())
    with pytest.raises(Unavailable, match="WRONGTYPE"):
        await one.announce(ANN)


@pytest.fixture
async def silent(redis: OwnRedis) -> AsyncIterator[OwnRedis]:
    with redis.frozen():
        yield redis


async def test_a_redis_that_says_nothing_is_lost(silent: OwnRedis) -> None:
    one = node_of(silent)
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="no answer within 2 s"):
            await one.announce(ANN)
        with pytest.raises(Unavailable, match="no answer within 2 s"):
            await anext(one.views())


async def test_a_redis_that_falls_silent_is_lost_at_the_next_look(redis: OwnRedis) -> None:
    async with asyncio.timeout(10), aclosing(node_of(redis, poll_s=0.1).views()) as views:
        assert await anext(views) == frozenset()
        with redis.frozen(), pytest.raises(Unavailable):
            await anext(views)


async def test_leaving_a_redis_that_says_nothing_takes_a_second(redis: OwnRedis) -> None:
    one = node_of(redis)
    announcing = asyncio.create_task(one.announce(ANN))
    await wait_for_members(one, ANN)
    with redis.frozen():
        announcing.cancel()
        async with asyncio.timeout(3):
            with pytest.raises(asyncio.CancelledError):
                await announcing
