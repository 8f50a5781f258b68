"""Loading: everything once, and a database settled both early and at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.harness.ports import CallFailed, Reply, Request
from bench.harness.systems import loading
from bench.harness.systems.loading import EARLY, batches, store_all
from bench.postgres_server import PostgresServer


class Taking:
    """A connection that takes what is stored, but for one."""

    def __init__(self, refused: bytes = b"") -> None:
        self.taken: list[bytes] = []
        self._refused = refused

    async def call(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        if request.body == self._refused:
            raise CallFailed("UNAVAILABLE", "full")
        self.taken.append(request.body)
        return ()


def requests(count: int) -> list[Request]:
    return [Request("/m", str(number).encode()) for number in range(count)]


def test_rows_come_in_batches_in_order_and_the_last_may_be_smaller() -> None:
    assert list(batches(iter(range(5)), 2)) == [(0, 1), (2, 3), (4,)]
    assert list(batches(iter(()), 2)) == []


async def test_a_database_is_settled_after_the_first_few_batches_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, settled = Taking(), list[int]()
    monkeypatch.setattr(loading, "settle", lambda _server, _name: settled.append(len(connection.taken)))
    await store_all(connection, iter(requests(50)), (PostgresServer(Path("/nowhere"), 1), "bench"))
    assert settled == [EARLY, 50]
    assert sorted(connection.taken) == sorted(request.body for request in requests(50))


async def test_what_is_not_ours_to_settle_is_only_filled() -> None:
    connection = Taking()
    await store_all(connection, iter(requests(3)), None)
    assert sorted(connection.taken) == [b"0", b"1", b"2"]


async def test_the_first_failure_is_told_and_no_more_is_sent() -> None:
    connection = Taking(refused=b"9")
    with pytest.raises(CallFailed, match="UNAVAILABLE: full"):
        await store_all(connection, iter(requests(1_000)), None)
    assert len(connection.taken) < 20
