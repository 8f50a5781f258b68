"""What goes wrong below the store, and what its callers hear of it."""
# ruff: noqa: ASYNC221, ASYNC240 - the loop of a test serves nobody else

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import AuthzError, ErrorCode, StorageFailed, Unavailable
from model.tuples import RelationTuple, SubjectRef
from storage.base import AttributeFilter, Changeset, EntityRead, PageRequest, TupleFilter, Wanted
from storage.sqlite import SqliteSettings, SqliteStorage
from storage.sqlite.layout import LAYOUT_VERSION
from tests.conformance.examples import ALL, head_of, tuples, tuples_at

_IMPATIENT = SqliteSettings(busy_timeout_s=0.05)


def some_tuples(count: int) -> list[RelationTuple]:
    return [RelationTuple("doc", f"{i:0100}", "viewer", "user", str(i)) for i in range(count)]


def assert_says_in_our_words(error: AuthzError, path: Path) -> None:
    """The message names the path and has nothing of the driver's text, which is the cause."""
    assert str(path) in str(error)
    assert error.__cause__ is not None
    assert str(error.__cause__) not in str(error)


# --- opening ---


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="check that its folder exists") as caught:
        await SqliteStorage.open(tmp_path / "missing" / "store.db")
    assert_says_in_our_words(caught.value, tmp_path / "missing" / "store.db")


async def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StorageFailed, match="cannot be opened") as caught:
        await SqliteStorage.open(tmp_path / "store.db")
    assert_says_in_our_words(caught.value, tmp_path / "store.db")


async def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"precious notes " * 1000)
    with pytest.raises(StorageFailed, match="is not a database") as caught:
        await SqliteStorage.open(path)
    assert_says_in_our_words(caught.value, path)
    assert path.read_bytes() == b"precious notes " * 1000


async def test_a_database_of_another_program_is_left_as_it_is(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StorageFailed, match="another program") as caught:
        await SqliteStorage.open(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("step", "remedy"), [(1, "start a newer Ringward"), (-1, "start the Ringward that wrote it")])
async def test_another_layout_is_refused_saying_what_to_do(path: Path, step: int, remedy: str) -> None:
    await (await SqliteStorage.open(path)).close()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA user_version = {LAYOUT_VERSION + step}")
    other.close()
    with pytest.raises(StorageFailed, match=remedy) as caught:
        await SqliteStorage.open(path)
    assert str(path) in str(caught.value)


async def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    store = await SqliteStorage.open(path)
    await store.write("t1", [])
    await store.close()


async def test_a_file_locked_by_another_program_may_be_opened_later(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="locked"):
        await SqliteStorage.open(path, _IMPATIENT)
    other.close()
    await (await SqliteStorage.open(path, _IMPATIENT)).close()


# --- while open ---


async def test_a_write_waits_for_a_lock_then_gives_up_and_works_later(store: SqliteStorage, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for attempt in (store.write("t1", []), store.write_schema("t1", ""), store.ping(), store.collect_garbage(0)):
        with pytest.raises(Unavailable, match="locked by another process") as caught:
            await attempt
        assert caught.value.code == ErrorCode.DATASTORE
        assert_says_in_our_words(caught.value, path)
    assert await tuples_at(store, await head_of(store)) == []  # readers do not mind
    other.execute("ROLLBACK")
    other.close()
    await store.ping()
    snapshot = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    assert await tuples_at(store, snapshot) == ["doc:1#viewer@user:1"]


async def test_a_store_that_may_not_grow_reads_on_and_recovers(store: SqliteStorage, path: Path) -> None:
    before = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    writing = store._connections.writing
    ((pages,),) = writing.execute("PRAGMA page_count").fetchall()
    writing.execute(f"PRAGMA max_page_count = {pages + 3}").fetchall()
    with pytest.raises(StorageFailed, match="no space left") as caught:
        await store.write("t1", [Changeset(some_tuples(1000))])
    assert caught.value.code == ErrorCode.DATASTORE
    assert_says_in_our_words(caught.value, path)
    assert await head_of(store) == before
    assert await tuples_at(store, before) == ["doc:1#viewer@user:1"]
    small = await store.write("t1", [Changeset(tuples("doc:2#viewer@user:1"))])
    assert len(await tuples_at(store, small)) == 2
    writing.execute("PRAGMA max_page_count = 1000000").fetchall()
    assert len(await tuples_at(store, await store.write("t1", [Changeset(some_tuples(1000))]))) == 1002


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not permitted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def write_until_full(store: SqliteStorage, acknowledged: list[RelationTuple]) -> None:
    for start in range(1000):
        batch = [RelationTuple("doc", f"{start}", "viewer", "user", f"{i}") for i in range(100)]
        await store.write("t1", [Changeset(batch)])
        acknowledged += batch


async def test_on_a_full_disk_writes_fail_reads_go_on_and_space_helps(small_disk: Path) -> None:
    path = small_disk / "store.db"
    store = await SqliteStorage.open(path)
    acknowledged: list[RelationTuple] = []
    with pytest.raises(StorageFailed) as caught:
        await write_until_full(store, acknowledged)
    assert_says_in_our_words(caught.value, path)
    assert acknowledged
    assert (await store.read_tuples("t1", await head_of(store), TupleFilter(), ALL)).items == acknowledged
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    snapshot = await store.write("t1", [Changeset(tuples("doc:last#viewer@user:1"))])
    assert len(await tuples_at(store, snapshot)) == len(acknowledged) + 1
    await store.close()
    store = await SqliteStorage.open(path)
    assert len(await tuples_at(store, await head_of(store))) == len(acknowledged) + 1
    await store.close()


async def test_a_disk_that_may_not_be_written_is_named(small_disk: Path) -> None:
    path = small_disk / "store.db"
    await (await SqliteStorage.open(path)).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageFailed, match="may be written") as caught:
        await SqliteStorage.open(path)
    assert_says_in_our_words(caught.value, path)


async def test_a_damaged_file_is_reported_by_reads_and_writes(path: Path) -> None:
    store = await SqliteStorage.open(path)
    await store.write("t1", [Changeset(some_tuples(2000))])
    await store.close()
    healthy_bytes, size = 20 * 4096, path.stat().st_size
    with path.open("r+b") as file:
        file.seek(healthy_bytes)
        file.write(b"\xa5" * (size - healthy_bytes))
    store = await SqliteStorage.open(path)
    head = await head_of(store)
    with pytest.raises(StorageFailed, match="is damaged") as caught:
        await store.read_tuples("t1", head, TupleFilter(), ALL)
    assert caught.value.code == ErrorCode.EXECUTION
    assert_says_in_our_words(caught.value, path)
    with pytest.raises(StorageFailed, match="is damaged") as caught:
        await store.write("t1", [Changeset(some_tuples(2100))])
    assert caught.value.code == ErrorCode.DATASTORE
    assert_says_in_our_words(caught.value, path)
    assert await head_of(store) == head
    await store.close()


async def test_a_removed_file_is_noticed_by_a_ping(store: SqliteStorage, path: Path) -> None:
    await store.ping()
    path.rename(path.with_suffix(".away"))
    with pytest.raises(StorageFailed, match="removed or replaced"):
        await store.ping()
    path.with_suffix(".away").rename(path)
    await store.ping()


async def test_every_read_turns_driver_errors_into_ours(store: SqliteStorage) -> None:
    head = await head_of(store)
    store._connections.reading.close()
    for reading in (
        store.read("t1", head, [EntityRead("doc", "1", SubjectRef("user", "1"), Wanted(memberships=("viewer",)))]),
        store.read_tuples("t1", head, TupleFilter(), PageRequest(1)),
        store.read_attributes("t1", head, AttributeFilter(), PageRequest(1)),
        store.head("t2"),  # that of t1 is known
        store.read_schema("t1", "v"),
        store.list_schemas("t1", PageRequest(1)),
        store.list_tenants(PageRequest(1)),
        store.read_bundle("t1", "b"),
        store.ping(),
    ):
        with pytest.raises(StorageFailed, match="the log tells more") as caught:
            await reading
        assert caught.value.code == ErrorCode.EXECUTION
