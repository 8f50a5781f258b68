"""Schema versions: written once, the last written is the latest."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from model.errors import Conflict, ErrorCode, InvalidRequest
from model.xid import time_of_xid
from storage.base import PageRequest, SchemaRecord, Storage


async def test_a_tenant_without_schema_has_no_version(store: Storage) -> None:
    assert (await store.head("t1")).schema_version == ""
    assert await store.read_schema("t1", "unknown") is None
    page = await store.list_schemas("t1", PageRequest(10))
    assert (list(page.items), page.next_token) == ([], "")


async def test_the_version_written_last_is_the_latest(store: Storage) -> None:
    versions = [await store.write_schema("t1", f"entity e{i} {{}}") for i in range(50)]
    assert len(set(versions)) == 50
    assert (await store.head("t1")).schema_version == versions[-1]
    assert (await store.head("other")).schema_version == ""


async def test_a_version_is_read_back_as_written(store: Storage) -> None:
    text = "entity user {}\n// ünïcode '\"\n"
    version = await store.write_schema("t1", text)
    record = await store.read_schema("t1", version)
    assert record == SchemaRecord(version, text, time_of_xid(version))
    assert timedelta(0) <= datetime.now(UTC) - time_of_xid(version) < timedelta(minutes=1)
    assert await store.read_schema("other", version) is None


async def test_a_version_is_20_characters_of_base32hex(store: Storage) -> None:
    version = await store.write_schema("t1", "")
    assert len(version) == 20
    assert set(version) <= set("0123456789abcdefghijklmnopqrstuv")


async def test_versions_are_listed_newest_first_page_by_page(store: Storage) -> None:
    versions = [await store.write_schema("t1", f"text {i}") for i in range(5)]
    await store.write_schema("other", "not mine")
    listed: list[str] = []
    token = ""
    for _ in range(3):
        page = await store.list_schemas("t1", PageRequest(2, token))
        listed += [record.version for record in page.items]
        token = page.next_token
    assert listed == versions[::-1]
    assert token == ""


async def test_a_list_of_any_length_is_given_whole(store: Storage) -> None:
    for i in range(450):
        await store.write_schema("t1", str(i))
    page = await store.list_schemas("t1", PageRequest(449))
    assert [record.text for record in page.items] == [str(i) for i in range(449, 0, -1)]
    last = await store.list_schemas("t1", PageRequest(449, page.next_token))
    assert [record.text for record in last.items] == ["0"]


@pytest.mark.parametrize("token", ["%", "YWJj", "Ä"])
async def test_a_bad_token_is_refused(store: Storage, token: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await store.list_schemas("t1", PageRequest(1, token))
    assert caught.value.code == ErrorCode.INVALID_CONTINUOUS_TOKEN


async def test_a_version_replaces_only_the_one_it_was_made_from(store: Storage) -> None:
    first = await store.write_schema("t1", "1", replacing="")
    with pytest.raises(Conflict):
        await store.write_schema("t1", "2", replacing="")
    second = await store.write_schema("t1", "2", replacing=first)
    with pytest.raises(Conflict):
        await store.write_schema("t1", "3", replacing=first)
    assert (await store.head("t1")).schema_version == second


async def test_of_concurrent_replacements_one_succeeds(store: Storage) -> None:
    first = await store.write_schema("t1", "1")

    async def attempt(text: str) -> str | None:
        try:
            return await store.write_schema("t1", text, replacing=first)
        except Conflict:
            return None

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(attempt(str(i))) for i in range(10)]
    (winner,) = (task.result() for task in tasks if task.result() is not None)
    assert (await store.head("t1")).schema_version == winner


async def test_the_head_names_the_latest_schema_at_once_and_forgets_that_of_a_deleted_tenant(store: Storage) -> None:
    await store.create_tenant("acme", "Acme")
    for text in ("entity a {}", "entity b {}"):
        version = await store.write_schema("acme", text)
        assert (await store.head("acme")).schema_version == version
        assert (await store.head("other")).schema_version == ""
    await store.delete_tenant("acme")
    assert (await store.head("acme")).schema_version == ""
