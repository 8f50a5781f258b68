"""Every test of the suite runs once per kind of store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from storage.base import Storage
from tests.conformance.factories import KINDS, Factories, StoreFactory
from tests.support.postgres import Databases


@pytest.fixture(scope="session")
def factories(databases: Databases) -> Factories:
    return Factories(databases)


@pytest.fixture(params=KINDS)
def factory(request: pytest.FixtureRequest, factories: Factories) -> Iterator[StoreFactory]:
    with factories.of(request.param) as made:
        yield made


@pytest.fixture
async def store(factory: StoreFactory) -> AsyncIterator[Storage]:
    opened = await factory.open()
    yield opened
    await opened.close()
