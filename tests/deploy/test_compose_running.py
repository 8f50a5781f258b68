"""The compose file at work: its services with their own commands, settings and files, each in a network of its own."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from tests.deploy.compose_file import NODES, example
from tests.deploy.containers import Container, containers
from tests.support.client import Client
from tests.support.eventually import eventually

SCHEMA = "entity user {}\nentity doc {\n relation viewer @user\n permission view = viewer\n}"
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Container]]:
    """All that can run here, healthy, started in the order the file asks for."""
    with containers() as made:
        for names in (("postgres", "redis"), NODES, ("balancer", "prometheus")):
            for name in names:
                made[name].start()
            for name in names:
                soon(made[name].is_healthy, what=made[name].last_words)
        yield made


def soon(claim: Callable[[], bool], *, what: Callable[[], str] = str) -> None:
    """Return once the claim is true; fails if it does not become so."""
    end_s = time.monotonic() + PATIENCE_S
    while not claim():  # each look is a process
        assert time.monotonic() < end_s, what()
        time.sleep(0.2)


@asynccontextmanager
async def client_of(running: dict[str, Container]) -> AsyncIterator[Client]:
    """Somebody who calls the balancer with a token."""
    token = example()["PRESHARED_KEYS"]
    async with grpc.aio.insecure_channel(f"{running['balancer'].address}:3478") as channel:
        yield Client(channel, authorization=f"Bearer {token}")


async def test_a_check_is_answered_through_the_balancer_by_all_nodes(running: dict[str, Container]) -> None:
    async with client_of(running) as client:
        await client.write_schema(SCHEMA)
        await client.write("doc:1#viewer@user:ann")

        async def all_have_been_asked() -> bool:
            assert await client.can("doc:1#view@user:ann")
            assert not await client.can("doc:1#view@user:eve")
            return all([await asyncio.to_thread(requests_of, running[name]) for name in NODES])

        await eventually(all_have_been_asked, patience_s=PATIENCE_S)


async def test_rest_is_answered_through_the_balancer_to_those_who_show_a_token(running: dict[str, Container]) -> None:
    address = f"http://{running['balancer'].address}:3476/v1/tenants/list"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        await asyncio.to_thread(told, address, {})
    answer = await asyncio.to_thread(told, address, {"Authorization": f"Bearer {example()['PRESHARED_KEYS']}"})
    assert [tenant["id"] for tenant in answer["tenants"]] == ["t1"]


def test_prometheus_sees_every_node_and_takes_every_rule(running: dict[str, Container]) -> None:
    api = f"http://{running['prometheus'].address}:9090/api/v1"

    def all_up() -> bool:
        targets = told(f"{api}/targets", {})["data"]["activeTargets"]
        return [target["health"] for target in targets] == ["up"] * 3

    soon(all_up)
    groups = told(f"{api}/rules", {})["data"]["groups"]
    assert groups
    assert all(rule["health"] in ("ok", "unknown") for group in groups for rule in group["rules"])


async def test_a_node_that_is_stopped_by_the_engine_costs_no_call(running: dict[str, Container]) -> None:
    async with client_of(running) as client:
        await client.write_schema(SCHEMA)
        await client.write("doc:2#viewer@user:ann")
        is_over = asyncio.Event()
        answers: list[bool] = []

        async def ask() -> None:
            while not is_over.is_set():
                answers.append(await client.can("doc:2#view@user:ann"))

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(ask())
            try:
                assert await asyncio.to_thread(running["node-2"].stop) == 0
                running["node-2"].start()
                await asyncio.to_thread(soon, running["node-2"].is_healthy)
            finally:
                is_over.set()
    assert len(answers) > 100
    assert all(answers)


def requests_of(node: Container) -> int:
    """How many checks it says it has been asked."""
    with urllib.request.urlopen(f"http://{node.address}:9464/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("ringward_requests_total{") and "Permission/Check" in line
    )


def told(address: str, headers: dict[str, str]) -> Any:
    """The JSON an address gives: asked with a body for REST, without for Prometheus."""
    body = b"{}" if headers or "/v1/tenants" in address else None
    with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=10) as answer:
        return json.load(answer)
