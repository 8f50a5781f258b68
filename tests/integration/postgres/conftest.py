"""Servers that nodes serve from, and that tests may stop and spoil."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer, postgres_server


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server without tables yet, of few connections, that keeps what it acknowledged."""
    with postgres_server(
        fsync="on", synchronous_commit="on", max_connections="12", superuser_reserved_connections="2"
    ) as running:
        yield running
