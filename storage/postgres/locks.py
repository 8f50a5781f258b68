"""Who may change what at the same time: advisory locks, taken by a transaction before it has an id.

A writer locks what it will touch, then gets its id, then changes rows, and lets go by committing. So of two writers
that touch the same thing the second gets its id only after the first has committed, and ids order all transactions that
have to do with each other. Snapshots, the change feed and the order of rows rely on it (docs/adr/0008). It also makes
writes serialisable, and leaves them nothing to deadlock over: locks are taken in ascending order.

Tuples and attributes share a bounded number of slots per tenant, by hash, since the server's table of locks is bounded.
A writer of a few keys shares the tenant and locks their slots; one of many keys, or of a filter, locks the tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple
from zlib import crc32

from storage.base import Changeset

MOST_SLOTS = 32
"""A write of more keys locks its whole tenant. PostgreSQL makes room for 64 locks per connection, tables included."""

_SLOTS = 1000
_SCHEMAS = 1001
_PLACES = 1024  # numbers of a tenant: itself, its slots, its schemas


class Locks(NamedTuple):
    """Keys of advisory locks in ascending order, and which of them are shared with others."""

    keys: Sequence[int]
    shared: Sequence[bool]


NO_LOCKS = Locks((), ())


def locks_on_keys(tenant: str, changesets: Sequence[Changeset]) -> Locks:
    """What a write of these changesets locks."""
    keys = sum(map(_size_of, changesets))
    if keys > MOST_SLOTS:
        return locks_on_tenant(tenant)
    slots = sorted({_slot_of(key) for changes in changesets for key in _keys_of(changes)})
    first = _first_number(tenant)
    return Locks([first, *(first + slot for slot in slots)], [True, *(False for _ in slots)])


def locks_on_tenant(tenant: str) -> Locks:
    """What somebody locks who may touch anything of a tenant."""
    return Locks([_first_number(tenant)], [False])


def locks_on_schemas(tenant: str) -> Locks:
    """What a writer of schema versions locks."""
    return Locks([_first_number(tenant) + _SCHEMAS], [False])


TAKE = """
SELECT CASE WHEN is_shared THEN pg_advisory_xact_lock_shared(key) ELSE pg_advisory_xact_lock(key) END
FROM unnest($1::bigint[], $2::boolean[]) AS wanted (key, is_shared)
"""
"""Takes Locks, given as the two arguments, one after another, for as long as the transaction lasts."""


def _size_of(changes: Changeset) -> int:
    return (
        len(changes.tuples_written)
        + len(changes.attributes_written)
        + len(changes.tuples_deleted)
        + len(changes.attributes_deleted)
    )


def _keys_of(changes: Changeset) -> Iterable[Sequence[str]]:
    return chain(
        changes.tuples_written,
        changes.tuples_deleted,
        (attribute.key for attribute in changes.attributes_written),
        changes.attributes_deleted,
    )


def _slot_of(key: Sequence[str]) -> int:
    return 1 + crc32("\0".join(key).encode(errors="surrogatepass")) % _SLOTS


def _first_number(tenant: str) -> int:
    digest = blake2b(tenant.encode(errors="surrogatepass"), digest_size=8, person=b"ringward").digest()
    return int.from_bytes(digest, signed=True) // _PLACES * _PLACES
