"""Health: the way of a node, what its store says, and what people are told of it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from api.health import Health, Standing
from model.errors import StorageFailed, Unavailable


class Store:
    """Answers pings as it is told; ``asked`` counts them."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def ping(self) -> None:
        self.asked += 1
        await self.answers.wait()
        if self.trouble is not None:
            raise self.trouble


async def test_a_node_is_ready_at_the_end_of_its_way_and_not_before() -> None:
    store, health = Store(), Health()
    seen = [await health.standing()]
    for stage in (Standing.JOINING, Standing.WARMING_UP):
        health.reach(stage)
        seen.append(await health.standing())
    assert store.asked == 0
    health.serve(store.ping)
    assert [*seen, await health.standing()] == [
        Standing.OPENING,
        Standing.JOINING,
        Standing.WARMING_UP,
        Standing.SERVING,
    ]


@pytest.mark.parametrize(
    ("trouble", "standing"),
    [
        (Unavailable("10.0.0.1:5432 refuses connections"), Standing.UNREACHABLE),
        (StorageFailed("disk full"), Standing.FAILING),
    ],
)
async def test_a_node_stands_as_its_store_does(trouble: Exception, standing: Standing) -> None:
    store = Store()
    health = Health(store.ping)
    assert await health.is_serving()
    store.trouble = trouble
    assert await health.standing() is standing
    assert not await health.is_serving()
    store.trouble = None
    assert await health.is_serving()


@pytest.mark.parametrize("standing", Standing)
def test_how_it_stands_is_said_in_a_few_plain_words(standing: Standing) -> None:
    assert standing.value.replace(" ", "").isalpha()


async def test_what_is_the_matter_is_logged_once_and_when_it_is_over() -> None:
    store = Store()
    health = Health(store.ping)
    store.trouble = Unavailable("10.0.0.1:5432 refuses connections")
    with capture_logs() as logs:
        for _ in range(3):
            await health.standing()
        store.trouble = None
        for _ in range(3):
            await health.standing()
    assert [(entry["log_level"], entry.get("reason", "")) for entry in logs] == [
        ("warning", "10.0.0.1:5432 refuses connections"),
        ("info", ""),
    ]


async def test_a_store_that_does_not_answer_is_none_that_works() -> None:
    store = Store()
    store.answers.clear()
    health = Health(store.ping, patience_s=0.01)
    assert await health.standing() is Standing.UNREACHABLE
    assert health.ping_s >= 0.01


async def test_who_asks_while_the_store_is_asked_shares_its_answer() -> None:
    store = Store()
    store.answers.clear()
    health = Health(store.ping)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(health.is_serving()) for _ in range(10)]
        await asyncio.sleep(0)
        store.answers.set()
    assert all(task.result() for task in asking)
    assert store.asked == 1


async def test_who_leaves_while_the_store_is_asked_does_not_take_the_answer_from_others() -> None:
    store = Store()
    store.answers.clear()
    health = Health(store.ping)
    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(health.is_serving()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        store.answers.set()
    assert second.result()


async def test_a_leaving_node_is_not_ready_whatever_its_store_says() -> None:
    store = Store()
    health = Health(store.ping)
    health.leave()
    health.serve(store.ping)
    assert await health.standing() is Standing.LEAVING
    assert store.asked == 0


async def test_a_node_that_leaves_while_its_store_is_asked_is_leaving() -> None:
    store = Store()
    store.answers.clear()
    health = Health(store.ping)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(health.standing())
        await asyncio.sleep(0)
        health.leave()
        store.answers.set()
    assert asking.result() is Standing.LEAVING


async def test_how_it_stood_last_is_known_without_asking() -> None:
    store = Store()
    health = Health(store.ping)
    store.trouble = StorageFailed("disk full")
    seen = [health.last_seen]
    await health.standing()
    seen.append(health.last_seen)
    health.leave()
    assert [*seen, health.last_seen] == [Standing.SERVING, Standing.FAILING, Standing.LEAVING]
    assert store.asked == 1
