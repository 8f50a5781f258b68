"""Instances of a service in Consul: who may announce them, what a new agent is told, how the index is read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager

import grpc
import pytest
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cluster.member import Member
from cluster.membership.consul import ConsulMembership, next_index
from cluster.membership.consul_agent import ConsulAgent
from cluster.membership.urls import EngineUrl
from model.errors import Misconfigured, Unavailable
from tests.cluster.membership.watching import announced, following, wait_for_members, wait_until
from tests.support.consul import OwnConsul, consul_server

ANN = Member("10.0.0.1:5000", zone="a", weight=3, release="0.1.0")
BEN = Member("[fd00::1]:5000")
ROOT = "5e0a3c4e-1111-4222-8333-444455556666"
SECRET = "7b1d2f00-aaaa-4bbb-8ccc-ddddeeeeffff"


@pytest.fixture
def consul() -> Iterator[OwnConsul]:
    with consul_server() as consul:
        yield consul


@pytest.fixture(scope="module")
def guarded() -> Iterator[OwnConsul]:
    """One that wants a token for everything."""
    with consul_server(root_token=ROOT) as consul:
        yield consul


def node_of(consul: OwnConsul, options: str = "", *, span_s: float = 6.0) -> ConsulMembership:
    if span_s == 6.0:
        return ConsulMembership.of(consul.url(options=options))
    return ConsulMembership(ConsulAgent.of(EngineUrl.parse(consul.url())), "ringward", span_s=span_s)


def token_that_may(consul: OwnConsul, rules: str) -> str:
    """The secret of a new token under these rules."""
    policy = consul.ask("PUT", "acl/policy", {"Name": f"rules-{abs(hash(rules))}", "Rules": rules})
    return str(consul.ask("PUT", "acl/token", {"Policies": [{"ID": policy["ID"]}]})["SecretID"])


@pytest.mark.parametrize(
    "form",
    [
        "consul://",
        "consul://host/a/b",
        "consul://host/..",
        "consul://host/a b",
        "consul://host:0/a",
        "consul://host/a?scheme=ftp",
        "consul://host/a?check=http",
        "consul://host/a?weight=3",
        "consul://host/a?ca=/etc/ca.pem",
        "consul://me:them@host/a",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_token(form: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        ConsulMembership.of(f"{form}{'&' if '?' in form else '?'}token={SECRET}")
    assert SECRET not in str(refused.value)


def test_a_membership_shows_where_it_is_and_no_secret() -> None:
    url = f"consul://consul.example/checks?token={SECRET}&scheme=https&dc=eu"
    assert "consul.example/checks" in repr(ConsulMembership.of(url))
    assert SECRET not in repr(ConsulMembership.of(url)) + repr(ConsulAgent.of(EngineUrl.parse(url)))


async def test_an_instance_has_what_consul_users_look_for(consul: OwnConsul) -> None:
    one = node_of(consul)
    async with announced(one, ANN), announced(one, BEN):
        await wait_for_members(one, ANN, BEN)
        services = await asyncio.to_thread(consul.ask, "GET", "agent/services")
    ann = services[f"ringward-{ANN.address}"]
    assert (ann["Service"], ann["Address"], ann["Port"]) == ("ringward", "10.0.0.1", 5000)
    assert ann["Meta"] == {"zone": "a", "weight": "3", "release": "0.1.0"}
    assert services[f"ringward-{BEN.address}"]["Address"] == "fd00::1"


async def test_an_instance_that_is_not_well_is_not_there(consul: OwnConsul) -> None:
    one = node_of(consul, span_s=60.0)
    async with announced(one, ANN), following(one) as views:
        await wait_until(lambda: views[-1:] == [frozenset({ANN})])
        await asyncio.to_thread(consul.ask, "PUT", f"agent/check/fail/service:ringward-{ANN.address}")
        await wait_until(lambda: views[-1] == frozenset())


async def test_an_agent_that_lost_its_state_is_told_anew(consul: OwnConsul) -> None:
    one = node_of(consul, span_s=1.5)
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        await asyncio.to_thread(consul.ask, "PUT", f"agent/service/deregister/ringward-{ANN.address}")
        await wait_for_members(one)
        await wait_for_members(one, ANN, within_s=5)


async def test_a_consul_that_says_nothing_is_lost(consul: OwnConsul) -> None:
    one = node_of(consul)
    with consul.frozen():
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable, match=f"127.0.0.1:{consul.port}.*: no answer within 2 s"):
                await one.announce(ANN)
            with pytest.raises(Unavailable, match="no answer within 2 s"):
                await anext(one.views())


async def test_leaving_a_consul_that_says_nothing_takes_a_second(consul: OwnConsul) -> None:
    one = node_of(consul)
    announcing = asyncio.create_task(one.announce(ANN))
    await wait_for_members(one, ANN)
    with consul.frozen():
        announcing.cancel()
        async with asyncio.timeout(3):
            with pytest.raises(asyncio.CancelledError):
                await announcing


async def test_what_is_no_member_is_warned_of_once(consul: OwnConsul) -> None:
    stranger = {"Name": "ringward", "ID": "stranger", "Address": "10.0.0.9", "Port": 80}
    await asyncio.to_thread(consul.ask, "PUT", "agent/service/register", stranger)
    with capture_logs() as events:
        async with following(node_of(consul)) as views:
            for _ in range(3):
                async with announced(node_of(consul), ANN):
                    await wait_until(lambda: views[-1:] == [frozenset({ANN})])
                await wait_until(lambda: views[-1] == frozenset())
    assert [event["member"] for event in events] == ["stranger"]


# --- tokens ---


async def test_the_right_token_opens(guarded: OwnConsul, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", SECRET)  # what stands in the environment is somebody else's
    rules = 'service "ringward" { policy = "write" } node_prefix "" { policy = "read" }'
    one = node_of(guarded, f"token={await asyncio.to_thread(token_that_may, guarded, rules)}")
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
    await wait_for_members(one)


@pytest.mark.parametrize("options", [f"token={SECRET}", ""])
async def test_a_wrong_token_is_told_without_it(guarded: OwnConsul, options: str) -> None:
    one = node_of(guarded, options)
    with pytest.raises(Unavailable, match=f"127.0.0.1:{guarded.port}") as refused:
        await one.announce(ANN)
    assert SECRET not in str(refused.value)


async def test_a_token_that_does_not_show_all_is_no_empty_cluster(guarded: OwnConsul) -> None:
    half_blind = await asyncio.to_thread(token_that_may, guarded, 'service_prefix "" { policy = "read" }')
    async with announced(node_of(guarded, f"token={ROOT}"), ANN):
        await wait_for_members(node_of(guarded, f"token={ROOT}"), ANN)
        with pytest.raises(Unavailable, match="the token may not see all there is"):
            await anext(node_of(guarded, f"token={half_blind}").views())


# --- health asked by Consul ---


@contextmanager
def healthy_port() -> Iterator[tuple[int, health.HealthServicer]]:
    server, servicer = grpc.server(ThreadPoolExecutor(2)), health.HealthServicer()
    add_HealthServicer_to_server(servicer, server)
    servicer.set("", HealthCheckResponse.SERVING)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, servicer
    finally:
        server.stop(None).wait()


async def test_consul_may_ask_the_node_itself(consul: OwnConsul) -> None:
    one = node_of(consul, "check=grpc")
    with healthy_port() as (port, servicer):
        me = Member(f"127.0.0.1:{port}")
        async with announced(one, me), following(one) as views:
            await wait_until(lambda: views[-1:] == [frozenset({me})])
            servicer.set("", HealthCheckResponse.NOT_SERVING)
            await wait_until(lambda: views[-1] == frozenset())
            servicer.set("", HealthCheckResponse.SERVING)
            await wait_until(lambda: views[-1] == {me})
            await asyncio.to_thread(consul.ask, "PUT", f"agent/service/deregister/ringward-{me.address}")
            await wait_until(lambda: views[-1] == frozenset())
            await wait_until(lambda: views[-1] == {me})


# --- the index of blocking queries ---


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_an_index_that_goes_backwards_is_forgotten(before: int, given_index: int) -> None:
    following_index = next_index(before, str(given_index))
    assert following_index == (0 if given_index < before else max(given_index, 1))


@pytest.mark.parametrize("text", ["", "many", None])
async def test_an_index_that_is_none_is_no_answer(text: object) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        next_index(3, text)


async def test_views_wait_for_changes_and_do_not_ask_all_the_time(
    consul: OwnConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    list_once = ConsulMembership._list

    async def counting(one: ConsulMembership, client: object, index: int) -> tuple[frozenset[Member], int]:
        asked.append(index)
        return await list_once(one, client, index)

    monkeypatch.setattr(ConsulMembership, "_list", counting)
    async with aclosing(node_of(consul).views()) as views:
        assert await anext(views) == frozenset()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await anext(views)
    assert len(asked) <= 3
