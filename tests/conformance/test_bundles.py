"""Bundles by tenant and name."""

from __future__ import annotations

from storage.base import Bundle, BundleOperation, Storage

_BUNDLE = Bundle(
    "share",
    ("doc", "user"),
    (
        BundleOperation(("doc:{{.doc}}#viewer@user:{{.user}}",), (), ("doc:{{.doc}}$size|integer:1",), ()),
        BundleOperation((), ("doc:{{.doc}}#owner@user:ü'\"",), (), ("doc:{{.doc}}$size|integer:0",)),
    ),
)


async def test_a_bundle_is_read_back_as_written(store: Storage) -> None:
    await store.write_bundles("t1", [_BUNDLE, Bundle("empty", (), ())])
    assert await store.read_bundle("t1", "share") == _BUNDLE
    assert await store.read_bundle("t1", "empty") == Bundle("empty", (), ())


async def test_a_bundle_belongs_to_its_tenant(store: Storage) -> None:
    await store.write_bundles("t1", [_BUNDLE])
    assert await store.read_bundle("other", "share") is None
    assert not await store.delete_bundle("other", "share")
    assert await store.read_bundle("t1", "share") == _BUNDLE


async def test_writing_replaces_a_bundle_of_the_same_name(store: Storage) -> None:
    await store.write_bundles("t1", [_BUNDLE, Bundle("share", ("last",), ())])
    assert await store.read_bundle("t1", "share") == Bundle("share", ("last",), ())
    await store.write_bundles("t1", [_BUNDLE])
    assert await store.read_bundle("t1", "share") == _BUNDLE


async def test_deleting_tells_if_there_was_one(store: Storage) -> None:
    await store.write_bundles("t1", [_BUNDLE])
    assert await store.delete_bundle("t1", "share")
    assert not await store.delete_bundle("t1", "share")
    assert await store.read_bundle("t1", "share") is None


async def test_bundles_are_no_part_of_snapshots(store: Storage) -> None:
    before = (await store.head("t1")).snapshot
    await store.write_bundles("t1", [_BUNDLE])
    await store.delete_bundle("t1", "share")
    assert before.covers((await store.head("t1")).snapshot)
