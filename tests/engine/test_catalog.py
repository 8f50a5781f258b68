"""Schema versions are compiled when first used and kept while they are in use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.catalog import SchemaCatalog
from model.errors import ErrorCode, NotFound
from storage.base import SchemaRecord
from storage.sqlite import SqliteStorage

SCHEMA = "entity user {} entity doc { relation viewer @user }"


class CountingStorage(SqliteStorage):
    """Remembers which versions were read."""

    versions_read: list[str]

    async def read_schema(self, tenant: str, version: str) -> SchemaRecord | None:
        self.versions_read.append(version)
        return await super().read_schema(tenant, version)


@pytest.fixture
async def storage() -> AsyncIterator[CountingStorage]:
    storage = await CountingStorage.open(None)
    storage.versions_read = []
    yield storage
    await storage.close()


async def test_a_version_is_read_and_compiled_once_while_it_is_kept(storage: CountingStorage) -> None:
    version = await storage.write_schema("t1", SCHEMA)
    catalog = SchemaCatalog(storage, entries=10)
    plan = await catalog.plan("t1", version)
    assert list(plan.schema.entities) == ["user", "doc"]
    assert await catalog.plan("t1", version) is plan
    assert storage.versions_read == [version]
    assert (len(catalog), catalog.compiled) == (1, 1)


async def test_the_least_recently_used_version_goes_first(storage: CountingStorage) -> None:
    one, two, three = [await storage.write_schema("t1", SCHEMA) for _ in range(3)]
    catalog = SchemaCatalog(storage, entries=2)
    for version in (one, two, one, three):
        await catalog.plan("t1", version)
    storage.versions_read.clear()
    await catalog.plan("t1", one)
    await catalog.plan("t1", three)
    assert storage.versions_read == []
    await catalog.plan("t1", two)
    assert storage.versions_read == [two]


async def test_a_version_that_went_is_loaded_anew(storage: CountingStorage) -> None:
    one, two = [await storage.write_schema("t1", SCHEMA) for _ in range(2)]
    catalog = SchemaCatalog(storage, entries=1)
    plans = [await catalog.plan("t1", version) for version in (one, two, one)]
    assert plans[0] is not plans[2]
    assert storage.versions_read == [one, two, one]


async def test_an_unknown_version_is_not_found_and_not_remembered(storage: CountingStorage) -> None:
    catalog = SchemaCatalog(storage, entries=10)
    for _ in range(2):
        with pytest.raises(NotFound, match=r"'t1'.*'unknown'") as refusal:
            await catalog.plan("t1", "unknown")
        assert refusal.value.code == ErrorCode.SCHEMA_NOT_FOUND
    assert storage.versions_read == ["unknown", "unknown"]


async def test_a_version_belongs_to_its_tenant(storage: CountingStorage) -> None:
    version = await storage.write_schema("t1", SCHEMA)
    catalog = SchemaCatalog(storage, entries=10)
    await catalog.plan("t1", version)
    with pytest.raises(NotFound, match="'t2'"):
        await catalog.plan("t2", version)


async def test_a_catalog_shows_how_full_it_is_in_one_line(storage: CountingStorage) -> None:
    catalog = SchemaCatalog(storage, entries=7)
    await catalog.plan("t1", await storage.write_schema("t1", SCHEMA))
    assert repr(catalog) == "<SchemaCatalog 1 of 7 plans>"
