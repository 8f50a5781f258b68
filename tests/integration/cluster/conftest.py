"""Three nodes that share their keys, and a fourth that may join them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.cluster.fleet import ClusterNode, Fleet, fleet_of
from tests.support.postgres import Databases


@pytest.fixture(scope="module")
def database_uri(databases: Databases) -> Iterator[str]:
    """A database of the module's own."""
    name = databases.new()
    yield databases.server.uri(name)
    databases.remove(name)


@pytest.fixture(scope="module")
def lasting_fleet(database_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The processes, none of them running."""
    folder: Path = tmp_path_factory.mktemp("fleet")
    options = (f"--database-uri={database_uri}", "--server-drain-delay=2s")
    with fleet_of([ClusterNode(name, folder, *options) for name in "abcd"]) as fleet:
        yield fleet


@pytest_asyncio.fixture
async def fleet(lasting_fleet: Fleet) -> AsyncIterator[Fleet]:
    """Nodes a, b and c serve and see each other; d does not run. In the end none may have met with a bug.

    They are new to each test, since nodes remember who came and went, and hold out who does so again and again.
    """
    await lasting_fleet.begins_anew()
    yield lasting_fleet
    assert not lasting_fleet.troubles()
