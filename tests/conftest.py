"""What every package of tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Databases


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Databases of one PostgreSQL server, which starts with the first of them and is stopped at the end."""
    made = Databases()
    yield made
    made.close()


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """The URI of a database of the test's own, with our tables, empty."""
    name = databases.new()
    yield databases.server.uri(name)
    databases.remove(name)
