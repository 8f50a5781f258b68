"""Which writers exclude each other, and the order in which locks are taken."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from model.tuples import RelationTuple
from storage.base import Changeset
from storage.postgres.locks import MOST_SLOTS, Locks, locks_on_keys, locks_on_schemas, locks_on_tenant
from tests.conformance.examples import attributes, changesets, tuples


def excludes(one: Locks, other: Locks) -> bool:
    shared = [dict(zip(locks.keys, locks.shared, strict=True)) for locks in (one, other)]
    return any(not (shared[0][key] and shared[1][key]) for key in shared[0].keys() & shared[1].keys())


def keys_of(changes: Sequence[Changeset]) -> set[tuple[str, ...]]:
    return {
        tuple(key)
        for one in changes
        for key in (
            *one.tuples_written,
            *one.tuples_deleted,
            *one.attributes_deleted,
            *(item.key for item in one.attributes_written),
        )
    }


_writes = st.lists(changesets, max_size=5)


@given(first=_writes, second=_writes)
def test_writers_of_a_common_key_exclude_each_other(first: list[Changeset], second: list[Changeset]) -> None:
    if keys_of(first) & keys_of(second):
        assert excludes(locks_on_keys("t1", first), locks_on_keys("t1", second))


@given(changes=_writes, tenant=st.text(max_size=3))
def test_locks_are_few_and_in_one_order_and_who_takes_the_tenant_excludes_all(
    changes: list[Changeset], tenant: str
) -> None:
    locks = locks_on_keys(tenant, changes)
    assert list(locks.keys) == sorted(set(locks.keys))
    assert len(locks.keys) == len(locks.shared) <= MOST_SLOTS + 1
    assert all(-(2**63) <= key < 2**63 for key in locks.keys)
    assert excludes(locks, locks_on_tenant(tenant))
    assert not excludes(locks, locks_on_schemas(tenant))


def test_writers_of_different_keys_or_tenants_do_not_exclude_each_other() -> None:
    one = locks_on_keys("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$n|integer:1"))])
    other = locks_on_keys("t1", [Changeset((), (), tuples("doc:1#viewer@user:2"))])
    assert not excludes(one, other)
    assert not set(one.keys) & set(locks_on_keys("t2", [Changeset(tuples("doc:1#viewer@user:1"))]).keys)
    assert not excludes(locks_on_tenant("t1"), locks_on_tenant("t2"))


def test_a_write_of_many_keys_takes_the_tenant() -> None:
    many = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(MOST_SLOTS + 1)]
    assert locks_on_keys("t1", [Changeset(many)]) == locks_on_tenant("t1")
    assert locks_on_keys("t1", [Changeset(many[:-1])]) != locks_on_tenant("t1")
