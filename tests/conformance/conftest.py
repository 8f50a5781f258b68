"""Every test of the suite runs once per kind of store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.base import Storage
from tests.conformance.factories import KINDS, StoreFactory, factory_of


@pytest.fixture(params=KINDS)
def factory(request: pytest.FixtureRequest, tmp_path: Path) -> StoreFactory:
    return factory_of(request.param, tmp_path)


@pytest.fixture
async def store(factory: StoreFactory) -> AsyncIterator[Storage]:
    opened = await factory.open()
    yield opened
    await opened.close()
