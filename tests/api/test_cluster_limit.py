"""The limit all nodes share: what it admits, what it costs, and what is left of it without Redis."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from structlog.testing import capture_logs

from api.cluster_limit import ClusterLimit, SharedTokens, opened_cluster_limit
from api.entrance import Call, Entrance
from api.limits import LimitSettings
from api.redis_tokens import Draw, RedisTokens
from api.token_stock import LEASE_S
from cluster.redis_server import RedisServer
from model.errors import LimitExceeded, Unavailable
from node.node import open_node
from node.settings import NodeSettings
from proto.base.v1 import service_pb2 as pb
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.redis import OwnRedis, redis_server

ATTEMPTS = 3  # to ask for as much as is allowed, on a machine that may be busy
RPC = "/base.v1.Permission/Check"
KEY = "ringward:{ringward}:rate-limit"


class Tokens:
    """A shared bucket that gives what the test says, when it says so."""

    def __init__(self, tokens: int = 0) -> None:
        self.tokens = tokens
        self.asked: list[int] = []
        self.failures = 0.0
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def draw(self, tokens: int, *, within_s: float) -> Draw:
        self.asked.append(tokens)
        await self.is_open.wait()
        if self.failures:
            self.failures -= 1
            raise Unavailable(f"gone for longer than {within_s} s")
        given = min(tokens, self.tokens)
        self.tokens -= given
        return Draw(given, 0.02)


@pytest.fixture
def redis() -> Iterator[OwnRedis]:
    with redis_server() as redis:
        yield redis


async def wait_until(claim: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return claim()

    await eventually(holds)


@asynccontextmanager
async def kept(limit: ClusterLimit) -> AsyncIterator[ClusterLimit]:
    """The limit, with what must run beside it."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(limit.keep_filled())
        try:
            yield limit
        finally:
            task.cancel()


@asynccontextmanager
async def limit_over(tokens: SharedTokens, per_s: int = 100, pause_s: float = 0.01) -> AsyncIterator[ClusterLimit]:
    async with kept(ClusterLimit(tokens, per_s, pause_s=pause_s)) as limit:
        await wait_until(lambda: not limit.is_away)
        yield limit


@asynccontextmanager
async def node_of(
    redis: OwnRedis, per_s: int, *, cluster: str = "ringward", trip_s: float = 5.0
) -> AsyncIterator[ClusterLimit]:
    """The limit as one node has it, but with more patience: this machine may be busy."""
    server = RedisServer.of(redis.url(cluster))
    async with (
        server.connected(5.0) as client,
        kept(ClusterLimit(RedisTokens(server, client, per_s), per_s, trip_s=trip_s)) as limit,
    ):
        await wait_until(lambda: not limit.is_away)
        yield limit


async def passes(limit: ClusterLimit) -> bool:
    try:
        await limit.take(RPC)
    except LimitExceeded:
        return False
    return True


async def admitted(limit: ClusterLimit, *, calls_per_s: int, for_s: float) -> int:
    """How many of so many calls, each by itself, were let in."""
    began_s, made = time.monotonic(), 0
    tasks: list[asyncio.Task[bool]] = []
    async with asyncio.TaskGroup() as group:
        while (passed_s := time.monotonic() - began_s) < for_s:
            while made < passed_s * calls_per_s:
                tasks.append(group.create_task(passes(limit)))
                made += 1
            await asyncio.sleep(0.001)
    return sum(task.result() for task in tasks)


def trips(redis: OwnRedis) -> int:
    lines = redis.command("INFO", "commandstats").splitlines()
    return sum(int(line.split("calls=")[1].split(",")[0]) for line in lines if line.startswith("cmdstat_evalsha:"))


# --- what the nodes admit together, with a real Redis ---


async def rush(redis: OwnRedis, per_s: int, *, cluster: str) -> tuple[int, float]:
    """How many calls two nodes of a new cluster let in while far too many come, and the seconds that took."""
    async with node_of(redis, per_s, cluster=cluster) as one, node_of(redis, per_s, cluster=cluster) as other:
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            counts = [group.create_task(admitted(node, calls_per_s=2_000, for_s=1.5)) for node in (one, other)]
        took_s = time.monotonic() - began_s
    return sum(count.result() for count in counts), took_s


@pytest.mark.parametrize("per_s", [20, 500])
async def test_two_nodes_admit_a_burst_and_the_rate_and_no_more_than_a_lease_beside(
    redis: OwnRedis, per_s: int
) -> None:
    totals = []
    for attempt in range(ATTEMPTS):
        total, took_s = await rush(redis, per_s, cluster=f"attempt{attempt}")
        assert total <= per_s * (1 + took_s + LEASE_S) + 1
        totals.append(total)
        if total >= 0.9 * per_s * (1 + 1.5):
            return
    raise AssertionError(f"fewer were let in than may be: {totals}")


async def test_demand_below_the_rate_is_admitted_whole_wherever_it_arrives(redis: OwnRedis) -> None:
    async with node_of(redis, 400) as one, node_of(redis, 400) as other, asyncio.TaskGroup() as group:
        much = group.create_task(admitted(one, calls_per_s=300, for_s=1.5))
        little = group.create_task(admitted(other, calls_per_s=20, for_s=1.5))
    assert much.result() >= 300 * 1.5 - 5
    assert little.result() >= 20 * 1.5 - 2


@pytest.mark.parametrize("per_s", [100, 100_000])
async def test_thousands_of_calls_cost_few_trips_admitted_or_refused(redis: OwnRedis, per_s: int) -> None:
    async with node_of(redis, per_s) as one:
        await admitted(one, calls_per_s=4_000, for_s=0.3)
        before = trips(redis)
        await admitted(one, calls_per_s=4_000, for_s=1.0)
        assert trips(redis) - before <= 250


async def test_clusters_of_other_names_have_buckets_of_their_own(redis: OwnRedis) -> None:
    async with node_of(redis, 3) as one, node_of(redis, 3, cluster="staging") as other:
        assert [await passes(one) for _ in range(4)] == [True] * 3 + [False]
        assert [await passes(other) for _ in range(4)] == [True] * 3 + [False]


async def test_who_is_refused_learns_when_to_come_again(redis: OwnRedis) -> None:
    async with node_of(redis, 2) as one:
        for _ in range(2):
            await one.take(RPC)
        with pytest.raises(LimitExceeded, match=f"{RPC} is rejected: the cluster accepts 2 calls") as refused:
            await one.take(RPC)
        retry_after_s = refused.value.retry_after_s
        assert retry_after_s is not None
        assert 0 < retry_after_s <= 0.5
        await asyncio.sleep(retry_after_s + 0.01)
        await one.take(RPC)


# --- the bucket in Redis ---


async def drawn(redis: OwnRedis, tokens: int, per_s: int = 100) -> Draw:
    server = RedisServer.of(redis.url())
    async with server.connected(5.0) as client:
        return await RedisTokens(server, client, per_s).draw(tokens, within_s=5.0)


async def test_a_bucket_nobody_asks_is_forgotten_when_it_would_be_full(redis: OwnRedis) -> None:
    assert (await drawn(redis, 100)).tokens == 100
    assert 1_000 < int(redis.command("PTTL", KEY)) <= 2_000


async def test_a_script_that_redis_forgot_is_told_again(redis: OwnRedis) -> None:
    server = RedisServer.of(redis.url())
    async with server.connected(5.0) as client:
        tokens = RedisTokens(server, client, 100)
        assert (await tokens.draw(1, within_s=5.0)).tokens == 1
        redis.command("SCRIPT", "FLUSH")
        assert (await tokens.draw(1, within_s=5.0)).tokens == 1


async def test_a_clock_that_goes_backwards_gives_nothing_and_takes_nothing(redis: OwnRedis) -> None:
    redis.command("HSET", KEY, "tokens", "5", "at", str(time.time() + 3600))
    assert (await drawn(redis, 10)).tokens == 5
    assert float(redis.command("HGET", KEY, "at")) <= time.time() + 1
    assert (await drawn(redis, 10, per_s=1)).tokens == 0


async def test_no_more_flows_in_than_the_bucket_holds(redis: OwnRedis) -> None:
    redis.command("HSET", KEY, "tokens", "0", "at", "1")
    assert (await drawn(redis, 1_000)).tokens == 100


async def test_a_draw_says_when_there_is_a_token_again(redis: OwnRedis) -> None:
    assert (await drawn(redis, 3, per_s=4)).next_in_s == 0
    assert 0.15 < (await drawn(redis, 1, per_s=4)).next_in_s <= 0.25


# --- without Redis ---


async def test_while_it_is_away_every_call_goes_by_the_node_alone_and_waits_for_nothing(redis: OwnRedis) -> None:
    with capture_logs() as events:
        async with node_of(redis, 3) as one:
            redis.stop()
            await one.take(RPC)  # finds out, or was drawn before
            await wait_until(lambda: len(events) == 1)
            began_s = time.monotonic()
            assert all([await passes(one) for _ in range(1_000)])
            assert time.monotonic() - began_s < 0.5
            redis.start()
            await wait_until(lambda: not one.is_away)
            assert [await passes(one) for _ in range(4)] == [True] * 3 + [False]
    assert [event["log_level"] for event in events] == ["warning", "info"]
    assert "each node keeps it alone" in events[0]["event"]


async def test_a_silent_redis_costs_one_call_its_time_and_no_other(redis: OwnRedis) -> None:
    async with node_of(redis, 3, trip_s=0.05) as one:
        with redis.frozen():
            began_s = time.monotonic()
            assert await passes(one)
            assert time.monotonic() - began_s < 1.0
            began_s = time.monotonic()
            assert all([await passes(one) for _ in range(100)])
            assert time.monotonic() - began_s < 0.1


async def test_a_redis_that_is_not_there_at_the_start_stops_nobody() -> None:
    tokens = Tokens()
    tokens.failures = math.inf
    async with kept(ClusterLimit(tokens, 3)) as limit:
        assert all([await passes(limit) for _ in range(10)])
        assert repr(limit) == "<ClusterLimit away>"


async def test_an_outage_is_logged_once_however_long_and_one_slow_trip_not_at_all() -> None:
    tokens = Tokens(1_000)
    with capture_logs() as events:
        async with limit_over(tokens) as limit:
            for failures, words in ((1, 0), (5, 2)):
                tokens.failures = failures
                await asyncio.sleep(LEASE_S)
                await limit.take(RPC)
                await wait_until(lambda: not (tokens.failures or limit.is_away))
                assert len(events) == words


async def test_a_key_that_is_something_else_is_an_outage_too(redis: OwnRedis) -> None:
    redis.command("SET", KEY, "a text")
    with capture_logs() as events:
        async with opened_cluster_limit(LimitSettings(3, shared_in=RedisServer.of(redis.url()))) as limit:
            assert limit is not None
            async with kept(limit):
                await wait_until(lambda: len(events) == 1)
                assert all([await passes(limit) for _ in range(10)])
    assert "WRONGTYPE" in events[0]["reason"]


# --- those who wait ---


async def waiting(limit: ClusterLimit, tokens: Tokens, count: int) -> list[asyncio.Task[bool]]:
    """So many calls that wait for a trip that is under way."""
    tokens.is_open.clear()
    asked = len(tokens.asked)
    tasks = [asyncio.create_task(passes(limit)) for _ in range(count)]
    await wait_until(lambda: len(tokens.asked) > asked)
    return tasks


async def test_those_who_wait_together_share_a_trip() -> None:
    tokens = Tokens(5)
    async with limit_over(tokens) as limit:
        tasks = await waiting(limit, tokens, 5)
        tokens.is_open.set()
        assert [await task for task in tasks] == [True] * 5
        assert len(tokens.asked) == 2  # one of them found the bucket


async def test_the_first_who_came_get_the_tokens_there_are() -> None:
    tokens = Tokens(2)
    async with limit_over(tokens) as limit:
        tasks = await waiting(limit, tokens, 4)
        tokens.is_open.set()
        assert [await task for task in tasks] == [True, True, False, False]


async def test_who_comes_during_a_trip_gets_one_of_its_own() -> None:
    tokens = Tokens(2)
    async with limit_over(tokens) as limit:
        first = await waiting(limit, tokens, 1)
        second = asyncio.create_task(passes(limit))
        await asyncio.sleep(0)
        tokens.is_open.set()
        assert [await first[0], await second] == [True, True]


async def test_the_token_of_a_call_that_gave_up_is_for_the_next() -> None:
    tokens = Tokens(1)
    async with limit_over(tokens) as limit:
        gone, stays = await waiting(limit, tokens, 2)
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        tokens.is_open.set()
        assert await stays


async def test_those_who_wait_when_it_fails_are_let_through() -> None:
    tokens = Tokens(5)
    async with limit_over(tokens) as limit:
        tasks = await waiting(limit, tokens, 3)
        tokens.failures = math.inf
        tokens.is_open.set()
        assert [await task for task in tasks] == [True] * 3


# --- at the entrance ---


async def let_in(door: Entrance, calls: int) -> int:
    count = 0
    for _ in range(calls):
        with suppress(LimitExceeded):
            async with door.admitted(Call(RPC)):
                count += 1
    return count


async def test_the_node_keeps_its_own_limit_while_the_clusters_is_away() -> None:
    tokens = Tokens()
    tokens.failures = math.inf
    async with kept(ClusterLimit(tokens, 3)) as limit:
        assert await let_in(Entrance(limits=LimitSettings(3), cluster_limit=limit), 10) == 3


async def test_calls_the_cluster_refuses_cost_the_node_no_tokens() -> None:
    tokens = Tokens(1)
    async with limit_over(tokens, 3) as limit:
        door = Entrance(limits=LimitSettings(3), cluster_limit=limit)
        assert await let_in(door, 50) == 1
        assert "<TokenBucket 2 of 3>" in repr(door)


async def test_no_redis_or_no_limit_is_no_shared_limit() -> None:
    for settings in (LimitSettings(), LimitSettings(0, shared_in=RedisServer.of("redis://127.0.0.1:1"))):
        async with opened_cluster_limit(settings) as limit:
            assert limit is None


async def refusal_by(address: str) -> str:
    """What a node says to a call; nothing if it lets it in."""
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            await Client(channel).call("Tenancy.List", pb.TenantListRequest(page_size=1))
        except grpc.aio.AioRpcError as error:
            return f"{error.code()} {error.details()}"
        return ""


async def test_two_nodes_that_serve_share_their_limit(redis: OwnRedis) -> None:
    limits = LimitSettings(calls_per_s=4, shared_in=RedisServer.of(redis.url()))
    settings = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, limits=limits)
    async with open_node(settings) as one, open_node(settings) as other:
        await wait_until(lambda: trips(redis) >= 2)  # each has found the bucket
        began_s = time.monotonic()
        outcomes = [await refusal_by(node.grpc_address) for _ in range(4) for node in (one, other)]
        took_s = time.monotonic() - began_s
    assert 4 <= outcomes.count("") <= 4 * (1 + took_s + LEASE_S) + 1
    refusals = [text for text in outcomes if text]
    assert refusals
    assert all("RESOURCE_EXHAUSTED" in text and "the cluster accepts 4 calls per second" in text for text in refusals)
