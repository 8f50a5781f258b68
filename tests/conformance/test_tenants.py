"""The register of tenants, and what deleting one removes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from model.errors import Conflict, ErrorCode, InvalidRequest, NotFound
from storage.base import Bundle, Changeset, PageRequest, Storage
from tests.conformance.examples import attributes, attributes_at, head_of, tuples, tuples_at


async def test_the_first_tenant_is_there_from_the_start(store: Storage) -> None:
    (tenant,) = (await store.list_tenants(PageRequest(10))).items
    assert (tenant.id, tenant.name) == ("t1", "example tenant")


async def test_tenants_are_listed_by_id_page_by_page(store: Storage) -> None:
    for tenant_id in ("zoo", "b", "B", "é", "a"):
        await store.create_tenant(tenant_id, f"name of {tenant_id}")
    first = await store.list_tenants(PageRequest(4))
    second = await store.list_tenants(PageRequest(4, first.next_token))
    assert [tenant.id for tenant in (*first.items, *second.items)] == ["B", "a", "b", "t1", "zoo", "é"]
    assert second.next_token == ""


async def test_a_registered_tenant_is_given_back(store: Storage) -> None:
    tenant = await store.create_tenant("acme", "Acme 'Inc'")
    assert (tenant.id, tenant.name) == ("acme", "Acme 'Inc'")
    assert timedelta(0) <= datetime.now(UTC) - tenant.created_at < timedelta(minutes=1)
    assert (await store.list_tenants(PageRequest(10))).items[0] == tenant


@pytest.mark.parametrize("tenant_id", ["t1", "acme"])
async def test_an_id_is_given_once(store: Storage, tenant_id: str) -> None:
    await store.create_tenant("acme", "Acme")
    with pytest.raises(Conflict) as caught:
        await store.create_tenant(tenant_id, "again")
    assert caught.value.code == ErrorCode.UNIQUE_CONSTRAINT
    assert tenant_id in str(caught.value)
    assert [tenant.name for tenant in (await store.list_tenants(PageRequest(9))).items] == ["Acme", "example tenant"]


async def test_deleting_a_tenant_removes_everything_under_it(store: Storage) -> None:
    changes = Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))
    for tenant_id in ("gone", "kept"):
        await store.create_tenant(tenant_id, "")
        await store.write(tenant_id, [changes])
        await store.write_schema(tenant_id, "entity user {}")
        await store.write_bundles(tenant_id, [Bundle("b", (), ())])
    before = await head_of(store)
    await store.delete_tenant("gone")
    after = await head_of(store)
    assert not before.covers(after)  # answers at the old head must not pass for answers at the new one
    for snapshot in (before, after):
        assert await tuples_at(store, snapshot, tenant="gone") == []
        assert await attributes_at(store, snapshot, tenant="gone") == []
        assert await tuples_at(store, snapshot, tenant="kept") == ["doc:1#viewer@user:1"]
        assert await attributes_at(store, snapshot, tenant="kept") == ["doc:1$size|integer:1"]
    assert (await store.head("gone")).schema_version == ""
    assert (await store.head("kept")).schema_version != ""
    assert await store.read_bundle("gone", "b") is None
    assert await store.read_bundle("kept", "b") is not None
    assert [tenant.id for tenant in (await store.list_tenants(PageRequest(9))).items] == ["kept", "t1"]


async def test_a_deleted_tenant_can_be_registered_anew_and_starts_empty(store: Storage) -> None:
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.delete_tenant("t1")
    await store.create_tenant("t1", "again")
    snapshot = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1", "doc:2#viewer@user:1"))])
    assert await tuples_at(store, snapshot) == ["doc:1#viewer@user:1", "doc:2#viewer@user:1"]


async def test_only_a_registered_tenant_can_be_deleted(store: Storage) -> None:
    snapshot = await store.write("wild", [Changeset(tuples("doc:1#viewer@user:1"))])
    with pytest.raises(NotFound) as caught:
        await store.delete_tenant("wild")
    assert caught.value.code == ErrorCode.NOT_FOUND
    assert await tuples_at(store, snapshot, tenant="wild") == ["doc:1#viewer@user:1"]


@pytest.mark.parametrize("token", ["%", "abc", "/w=="])
async def test_a_bad_token_is_refused(store: Storage, token: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await store.list_tenants(PageRequest(1, token))
    assert caught.value.code == ErrorCode.INVALID_CONTINUOUS_TOKEN
