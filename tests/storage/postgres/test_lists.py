"""Lists for several callers at once, and how many statements they take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from model.errors import AuthzError
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Changeset, HeldBy, Listing, Stretch
from storage.postgres.store import PostgresStorage


@pytest.fixture
def statements(store: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that read data from here on."""
    ran: list[str] = []
    pool = store._pools.reader
    fetch = pool.fetch

    async def counted(statement: str, *arguments: object) -> list[asyncpg.Record]:
        if "WITH answer" in statement:
            ran.append(statement)
        return await fetch(statement, *arguments)

    monkeypatch.setattr(pool, "fetch", counted)
    return ran


async def filled(store: PostgresStorage) -> Snapshot:
    """Each of 40 users views three documents of the 60, and owns one."""
    rows = [RelationTuple("doc", f"{n * k % 60:02}", "viewer", "user", f"{n}") for n in range(40) for k in (1, 3, 7)]
    rows += [RelationTuple("doc", f"{n:02}", "owner", "user", f"{n}") for n in range(40)]
    return await store.write("t1", [Changeset(rows)])


def viewed_by(*users: int) -> Listing:
    return HeldBy("doc", "viewer", "user", "", [str(user) for user in users])


def documents_of(user: int) -> list[str]:
    return sorted({f"{user * k % 60:02}" for k in (1, 3, 7)})


async def test_what_many_callers_list_of_one_snapshot_takes_few_statements(
    store: PostgresStorage, statements: list[str]
) -> None:
    snapshot = await filled(store)

    async def listed(user: int) -> Sequence[Stretch]:
        wanted = [viewed_by(user), HeldBy("doc", "owner", "user", "", [str(user)])]
        return await store.list_ids("t1", snapshot, wanted, beyond="", about=10)

    statements.clear()
    answers = await asyncio.gather(*map(listed, range(40)))
    for user, (viewed, owned) in enumerate(answers):
        assert viewed == Stretch(documents_of(user), None)
        assert owned == Stretch([f"{user:02}"], None)
    assert len(statements) <= 2


async def test_callers_who_go_on_from_different_ids_are_answered_together(
    store: PostgresStorage, statements: list[str]
) -> None:
    snapshot = await filled(store)

    async def listed(user: int, beyond: str, about: int) -> Sequence[str]:
        (stretch,) = await store.list_ids("t1", snapshot, [viewed_by(user)], beyond=beyond, about=about)
        return stretch.ids

    statements.clear()
    askings = [(user, f"{user:02}", about) for user in range(1, 40) for about in (1, 10)]
    answers = await asyncio.gather(*(listed(*asking) for asking in askings))
    for (user, beyond, about), ids in zip(askings, answers, strict=True):
        assert ids == [one for one in documents_of(user) if one > beyond][:about]
    assert len(statements) <= 4


async def test_lists_of_any_number_of_subjects_and_relations_are_one_statement(
    store: PostgresStorage, statements: list[str]
) -> None:
    snapshot = await filled(store)
    statements.clear()
    wanted = [HeldBy("doc", relation, "user", "", [str(n) for n in range(40)]) for relation in ("viewer", "owner", "x")]
    viewed, owned, none = await store.list_ids("t1", snapshot, wanted, beyond="", about=100)
    assert viewed.ids == sorted({one for user in range(40) for one in documents_of(user)})
    assert owned.ids == [f"{n:02}" for n in range(40)]
    assert none == Stretch([], None)
    assert len(statements) == 1


async def test_more_ids_than_a_statement_takes_are_listed_in_several(
    store: PostgresStorage, statements: list[str]
) -> None:
    rows = [RelationTuple("doc", f"{n:05}", "viewer", "user", f"{n % 400}") for n in range(6000)]
    snapshot = await store.write("t1", [Changeset(rows)])
    statements.clear()
    (stretch,) = await store.list_ids("t1", snapshot, [viewed_by(*range(400))], beyond="", about=10_000)
    assert stretch == Stretch([f"{n:05}" for n in range(6000)], None)
    assert 3 <= len(statements) <= 12


@pytest.mark.parametrize("beyond", ["0\0", "\ud800"])
async def test_an_id_that_cannot_be_asked_for_spoils_nobody_elses_list(store: PostgresStorage, beyond: str) -> None:
    snapshot = await filled(store)

    async def listed(user: int, beyond: str) -> Sequence[str] | AuthzError:
        try:
            (stretch,) = await store.list_ids("t1", snapshot, [viewed_by(user)], beyond=beyond, about=10)
        except AuthzError as error:
            return error
        return stretch.ids

    bad, *good = await asyncio.gather(listed(1, beyond), *(listed(user, "") for user in range(20)))
    assert isinstance(bad, AuthzError)
    assert good == [documents_of(user) for user in range(20)]


async def test_names_that_cannot_be_stored_are_held_by_nobody(store: PostgresStorage) -> None:
    snapshot = await filled(store)
    wanted = [HeldBy("doc", "viewer", "user", "", ["1\0", "1", "\ud800"]), HeldBy("doc\0", "viewer", "user", "", ["1"])]
    found, nothing = await store.list_ids("t1", snapshot, wanted, beyond="", about=10)
    assert found.ids == documents_of(1)
    assert nothing == Stretch([], None)
