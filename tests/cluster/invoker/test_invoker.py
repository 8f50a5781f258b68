"""What a request is answered at: the snapshot and the schema version, and what it costs to find them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cluster.invoker.invoker import Invoker
from model.check import CheckRequest, Question, Verdict
from model.errors import ErrorCode, InvalidRequest, NotFound
from model.lookup import EntitiesRequest
from model.snapshot import Snapshot, encode_snap_token
from model.tuples import EntityRef, RelationTuple, SubjectRef
from storage.base import Changeset, News
from storage.sqlite import SqliteStorage
from tests.support.invokers import lone_invoker

OPEN = "entity user {} entity doc { relation viewer @user  relation owner @user  permission view = viewer or owner }"
STRICT = "entity user {} entity doc { relation viewer @user  relation owner @user  permission view = owner }"
ANN_VIEWS = RelationTuple.parse("doc:1#viewer@user:ann")


class CountingStorage(SqliteStorage):
    """Remembers for whom the head was read."""

    heads_read: list[str]

    async def news(self, tenant: str, since: Snapshot | None) -> News:
        self.heads_read.append(tenant)
        return await super().news(tenant, since)


@pytest.fixture
async def storage() -> AsyncIterator[CountingStorage]:
    storage = await CountingStorage.open(None)
    storage.heads_read = []
    yield storage
    await storage.close()


@pytest.fixture
def invoker(storage: CountingStorage) -> Invoker:
    return lone_invoker(storage)


async def write(storage: CountingStorage, *rows: RelationTuple) -> Snapshot:
    return await storage.write("t1", [Changeset(tuples_written=rows)])


async def delete(storage: CountingStorage, *rows: RelationTuple) -> Snapshot:
    return await storage.write("t1", [Changeset(tuples_deleted=rows)])


async def may_view(invoker: Invoker, *users: str, snap_token: str = "", schema_version: str = "") -> list[bool]:
    """Whether each of the users may view the document, all asked at once."""
    questions = tuple(Question(EntityRef("doc", "1"), "view", SubjectRef("user", user)) for user in users)
    request = CheckRequest("t1", questions, depth=10, snap_token=snap_token, schema_version=schema_version)
    return [answer.verdict() is Verdict.ALLOWED for answer in await invoker.check(request)]


async def test_a_write_acknowledged_before_is_always_seen(storage: CountingStorage, invoker: Invoker) -> None:
    await storage.write_schema("t1", OPEN)
    for _ in range(3):
        await write(storage, ANN_VIEWS)
        assert await may_view(invoker, "ann") == [True]
        await delete(storage, ANN_VIEWS)
        assert await may_view(invoker, "ann") == [False]


async def test_a_schema_acknowledged_before_is_always_used(storage: CountingStorage, invoker: Invoker) -> None:
    await write(storage, ANN_VIEWS)
    for schema, allowed in ((OPEN, True), (STRICT, False), (OPEN, True)):
        await storage.write_schema("t1", schema)
        assert await may_view(invoker, "ann") == [allowed]


async def test_questions_asked_together_are_answered_in_order(storage: CountingStorage, invoker: Invoker) -> None:
    await storage.write_schema("t1", OPEN)
    await write(storage, ANN_VIEWS, RelationTuple.parse("doc:1#owner@user:eve"))
    assert await may_view(invoker, "bob", "ann", "cem", "eve") == [False, True, False, True]


async def test_a_token_pins_what_was_visible_then(storage: CountingStorage, invoker: Invoker) -> None:
    await storage.write_schema("t1", OPEN)
    with_ann = await write(storage, ANN_VIEWS)
    without_ann = await delete(storage, ANN_VIEWS)
    await write(storage, ANN_VIEWS)
    assert await may_view(invoker, "ann", snap_token=encode_snap_token(with_ann)) == [True]
    assert await may_view(invoker, "ann", snap_token=encode_snap_token(without_ann)) == [False]


async def test_a_token_pins_no_schema_version(storage: CountingStorage, invoker: Invoker) -> None:
    await storage.write_schema("t1", OPEN)
    token = encode_snap_token(await write(storage, ANN_VIEWS))
    latest = await storage.write_schema("t1", STRICT)
    anything = EntitiesRequest("t1", "doc", "view", SubjectRef("user", "ann"), depth=10, snap_token=token)
    pinned = (await invoker.entities(anything, about=1)).pinned
    assert encode_snap_token(pinned.snapshot) == token
    assert pinned.plan is await invoker.plan("t1", latest)


async def test_a_version_given_is_used_however_old_and_its_absence_means_the_latest(
    storage: CountingStorage, invoker: Invoker
) -> None:
    old = await storage.write_schema("t1", OPEN)
    new = await storage.write_schema("t1", STRICT)
    await write(storage, ANN_VIEWS)
    assert await may_view(invoker, "ann", schema_version=old) == [True]
    assert await may_view(invoker, "ann", schema_version=new) == [False]
    assert await may_view(invoker, "ann") == [False]
    assert await invoker.plan("t1", "") is await invoker.plan("t1", new)


@pytest.mark.parametrize(("has_token", "has_version", "heads"), [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)])
async def test_the_head_is_read_once_and_not_at_all_where_all_is_given(
    storage: CountingStorage, invoker: Invoker, has_token: int, has_version: int, heads: int
) -> None:
    version = await storage.write_schema("t1", OPEN)
    token = encode_snap_token(await write(storage, ANN_VIEWS))
    assert await may_view(invoker, "ann", snap_token=token * has_token, schema_version=version * has_version) == [True]
    assert storage.heads_read == ["t1"] * heads


async def test_a_snapshot_alone_is_that_of_the_token_or_head(storage: CountingStorage, invoker: Invoker) -> None:
    first = await write(storage, ANN_VIEWS)
    second = await delete(storage, ANN_VIEWS)
    assert await invoker.snapshot("t1", encode_snap_token(first)) == first
    assert await invoker.snapshot("t1", "") == second


@pytest.mark.parametrize("has_token", [False, True])
async def test_an_unknown_version_is_not_found(storage: CountingStorage, invoker: Invoker, has_token: bool) -> None:
    await storage.write_schema("t1", OPEN)
    token = encode_snap_token(await write(storage)) if has_token else ""
    with pytest.raises(NotFound, match="'cnobody'") as refusal:
        await may_view(invoker, "ann", snap_token=token, schema_version="cnobody")
    assert refusal.value.code == ErrorCode.SCHEMA_NOT_FOUND


async def test_a_version_of_another_tenant_is_not_found(storage: CountingStorage, invoker: Invoker) -> None:
    await storage.write_schema("t1", OPEN)
    theirs = await storage.write_schema("t2", OPEN)
    await invoker.plan("t2", theirs)
    with pytest.raises(NotFound, match=f"'t1'.*'{theirs}'"):
        await may_view(invoker, "ann", schema_version=theirs)


async def test_a_tenant_without_schema_is_told_so(storage: CountingStorage, invoker: Invoker) -> None:
    token = encode_snap_token(await write(storage, ANN_VIEWS))
    for snap_token in ("", token):
        with pytest.raises(NotFound, match="'t1' has no schema") as refusal:
            await may_view(invoker, "ann", snap_token=snap_token)
        assert refusal.value.code == ErrorCode.SCHEMA_NOT_FOUND
    with pytest.raises(NotFound, match="'t1' has no schema"):
        await invoker.plan("t1", "")


async def test_a_malformed_token_is_refused_whether_or_not_a_version_is_given(
    storage: CountingStorage, invoker: Invoker
) -> None:
    version = await storage.write_schema("t1", OPEN)
    for schema_version in ("", version):
        with pytest.raises(InvalidRequest, match="'nonsense'"):
            await may_view(invoker, "ann", snap_token="nonsense", schema_version=schema_version)
    with pytest.raises(InvalidRequest, match="'nonsense'"):
        await invoker.snapshot("t1", "nonsense")
