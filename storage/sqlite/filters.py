"""Filters as SQL conditions: each restricted column with the values it may have, and the index that leads to them.

Statements are put together from names that are constants of this package; every value is a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from storage.restrictions import Restriction


class Index(NamedTuple):
    """An index that starts with the tenant and then these columns; without the first two it leads nowhere narrow.

    The second column is the one that filters give lists for.
    """

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of rows with tenant, created and expired.

    columns: what its values are made of, in their order. by_tenant: the index that lists a tenant's rows by id.
    """

    name: str
    columns: tuple[str, ...]
    indexes: tuple[Index, ...]
    by_tenant: str

    def indexes_for(self, restriction: Restriction) -> tuple[Index, ...]:
        """The indexes that lead to what a restriction allows; none if only the whole tenant does."""
        return tuple(index for index in self.indexes if all(name in restriction for name in index.columns[:2]))


TUPLES = Table(
    name="tuples",
    columns=("entity_type", "entity_id", "relation", "subject_type", "subject_id", "subject_relation"),
    indexes=(
        Index(
            "tuples_by_entity",
            ("entity_type", "entity_id", "relation", "subject_relation", "subject_type", "subject_id"),
        ),
        Index(
            "tuples_by_subject",
            ("subject_type", "subject_id", "subject_relation", "entity_type", "relation", "entity_id"),
        ),
    ),
    by_tenant="tuples_by_tenant",
)

ATTRIBUTES = Table(
    name="attributes",
    columns=("entity_type", "entity_id", "name", "kind", "value"),
    indexes=(Index("attributes_by_entity", ("entity_type", "entity_id", "name")),),
    by_tenant="attributes_by_tenant",
)


def leading(index: Index, restriction: Restriction) -> Restriction:
    """The part of a restriction by which the index is entered; what it finds must still be held against the rest."""
    led: dict[str, Sequence[str]] = {}
    for column in index.columns:
        if column not in restriction:
            break
        led[column] = restriction[column]
    return led


def condition_of(restriction: Restriction) -> str:
    """The SQL condition, to follow one on the tenant: ``AND column = ? …``; empty if nothing is restricted."""
    return "".join(
        f" AND {column} = ?" if len(values) == 1 else f" AND {column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - names are constants
        for column, values in restriction.items()
    )


def parameters_of(restriction: Restriction) -> Iterable[str]:
    """The parameters of ``condition_of``, in order. A list of any length is one parameter.

    JSON text ends at NUL for SQLite, so values with one are left out; no stored name contains NUL.
    """
    for values in restriction.values():
        if len(values) == 1:
            yield values[0]
        else:
            yield json.dumps([value for value in values if "\0" not in value], ensure_ascii=False)
