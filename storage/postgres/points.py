"""Reads of entities: any number of them, of any callers at one snapshot, by one statement.

A statement is a UNION ALL of an arm for each sort of fact. An arm unfolds the reads into one line per name wanted, and
each line is one descent into an index. Three things keep the planner to that, with and without statistics: ``OFFSET``
and ``LIMIT`` forbid turning the lines inside out into a join of its own liking; the name is compared as a column of the
line, not as ``= ANY(names)``, which it would rather test row by row on a wide entity; and subjects are asked for in the
order of the one index that leads to them all.

So there are sixteen texts at most, whatever is wanted, and what a line costs depends on what it finds alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from operator import itemgetter

import asyncpg

from model.attributes import AttributeValue
from model.snapshot import Snapshot
from model.tuples import SubjectRef
from storage.base import EntityRead, Facts, Wanted
from storage.postgres.joint import JointReads
from storage.postgres.reading import NO_ROWS, SnapshotReads
from storage.postgres.snapshots import visible
from storage.postgres.texts import is_searchable
from storage.values import decode_value

_MEMBERSHIP, _USERSET, _SUBJECT, _ATTRIBUTE = range(4)
_LISTED = {_USERSET, _SUBJECT}

MOST_ROWS = 2000  # what the driver decodes in two or three milliseconds, all at once

# Parameters: $2 tenant, $3 entity types, $4 entity ids, $5 all the names, each Wanted's in a row; from $6 on, for each
# read, where the names of the first sort begin, where those of the next one do, … and where the last end; then the
# subjects' types, ids and relations.
_FIRST_BOUND = 6
_LINES = """(
  SELECT place::int4, {columns}, unnest(($5::text[])[since : until - 1]) AS name
  FROM unnest({arrays}) WITH ORDINALITY AS reads ({columns}, since, until, place) OFFSET 0
) AS line"""
_OF_ENTITY = "tenant = $2 AND entity_type = line.entity_type AND entity_id = line.entity_id"
_OF_RELATION = f"{_OF_ENTITY} AND relation = line.name"
_VISIBLE = visible("{at}")
_IS_SUBJECT = " AND ".join(f"{part} = line.{part}" for part in ("subject_relation", "subject_type", "subject_id"))
_ENTITY = {"entity_type": "$3::text[]", "entity_id": "$4::text[]"}
_SUBJECTS = f"""
SELECT {{sort}} AS sort, place, name, found.* FROM {{lines}} CROSS JOIN LATERAL (
  SELECT subject_relation AS first, subject_type AS second, subject_id AS third FROM ringward.tuples
  WHERE {_OF_RELATION} {{bound}} AND {_VISIBLE}
  ORDER BY subject_relation, subject_type, subject_id LIMIT {MOST_ROWS}
) AS found"""  # noqa: S608 - names are constants
_ARMS = (
    f"""
SELECT {{sort}} AS sort, place, name, '' AS first, '' AS second, '' AS third FROM {{lines}} CROSS JOIN LATERAL (
  SELECT FROM ringward.tuples
  WHERE {_OF_RELATION} AND {_IS_SUBJECT} AND {_VISIBLE} OFFSET 0
) AS found""",  # noqa: S608 - names are constants
    _SUBJECTS.replace("{bound}", "AND subject_relation > ''"),
    _SUBJECTS.replace("{bound}", ""),
    f"""
SELECT {{sort}} AS sort, place, name, kind::text AS first, value AS second, '' AS third
FROM {{lines}} CROSS JOIN LATERAL (
  SELECT kind, value FROM ringward.attributes WHERE {_OF_ENTITY} AND name = line.name AND {_VISIBLE} OFFSET 0
) AS found""",  # noqa: S608 - names are constants
)

MORE_SUBJECTS = f"""
SELECT subject_type, subject_id, subject_relation FROM ringward.tuples
WHERE tenant = $2 AND entity_type = $3 AND entity_id = $4 AND relation = $5
  AND (subject_relation, subject_type, subject_id) > ($6, $7, $8) AND {_VISIBLE}
ORDER BY subject_relation, subject_type, subject_id LIMIT $9
"""  # noqa: S608 - names are constants
"""The subjects of a relation that follow one of them."""

_BEFORE_ALL = ("", "", "")
_BEFORE_USERSETS = ("\x01", "", "")  # nothing that can be stored lies between the empty relation and this

READS_PER_STATEMENT = 500  # some 20 ms of the database
_STATEMENTS_AT_ONCE = 1  # two make twice as many statements, each half as large; one keeps ahead of any node

NOTHING = Facts(frozenset(), {}, {}, {})
_NOTHING_WANTED = Wanted()

_Told = tuple[set[str], dict[str, list[SubjectRef]], dict[str, list[SubjectRef]], dict[str, AttributeValue]]


class EntityReader:
    """Answers reads of entities."""

    def __init__(self, reads: SnapshotReads) -> None:
        self._reads = reads
        self._joint = JointReads(self._answer_at_once, at_once=_STATEMENTS_AT_ONCE, most=READS_PER_STATEMENT)

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        """Facts aligned with the reads. Raises as ``SnapshotReads.fetch``.

        Text that cannot be stored is not there, and must not fail the others it is asked together with.
        """
        facts = None
        if len(reads) < READS_PER_STATEMENT:
            facts = await self._joint.ask((tenant, snapshot), reads)
        return facts if facts is not None else await self._answer(tenant, snapshot, reads)

    async def _answer(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> list[Facts]:
        """Facts of any size, in bounded pieces."""
        facts: list[Facts] = []
        for start in range(0, len(reads), READS_PER_STATEMENT):
            facts += await self._answer_some(tenant, snapshot, reads[start : start + READS_PER_STATEMENT])
        return facts

    async def _answer_some(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        """In halves if they are too much at once, down to a single read."""
        facts = await self._answer_at_once((tenant, snapshot), reads)
        if facts is not None:
            return facts
        if len(reads) == 1:
            return [await self._answer_wide(tenant, snapshot, reads[0])]
        half = len(reads) // 2
        first = await self._answer_some(tenant, snapshot, reads[:half])
        return [*first, *await self._answer_some(tenant, snapshot, reads[half:])]

    async def _answer_at_once(self, scope: tuple[str, Snapshot], reads: Sequence[EntityRead]) -> Sequence[Facts] | None:
        """Facts by one statement; None if there are too many."""
        tenant, snapshot = scope
        sorts, arguments = _arguments_of(reads)
        rows = await self._reads.fetch(snapshot, statement_of(sorts), *((tenant, *arguments) if sorts else ()))
        if len(rows) >= MOST_ROWS and not _LISTED.isdisjoint(sorts):
            return None
        return _facts_in(rows, len(reads))

    async def _answer_wide(self, tenant: str, snapshot: Snapshot, read: EntityRead) -> Facts:
        """Facts of one entity, subjects piece by piece."""
        wanted = read.wanted
        narrow = Wanted(memberships=wanted.memberships, attributes=wanted.attributes)
        (facts,) = await self._answer_some(tenant, snapshot, [read._replace(wanted=narrow)])
        all_of = partial(self._all_subjects, tenant, snapshot, read)
        usersets = {name: found for name in wanted.usersets if (found := await all_of(name, _BEFORE_USERSETS))}
        subjects = {name: found for name in wanted.subjects if (found := await all_of(name, _BEFORE_ALL))}
        return facts._replace(usersets=usersets, subjects=subjects)

    async def _all_subjects(
        self, tenant: str, snapshot: Snapshot, read: EntityRead, relation: str, after: tuple[str, str, str]
    ) -> list[SubjectRef]:
        found: list[SubjectRef] = []
        scope = (tenant, read.entity_type, read.entity_id, relation)
        while True:
            rows = await self._reads.fetch(snapshot, MORE_SUBJECTS, *scope, *after, MOST_ROWS)
            found += [SubjectRef(row[0], row[1], row[2]) for row in rows]
            if len(rows) < MOST_ROWS:
                return found
            after = _place_in_order(found[-1])


@lru_cache(maxsize=16)
def statement_of(sorts: tuple[int, ...]) -> str:
    """The statement that tells these sorts of facts."""
    if not sorts:
        return NO_ROWS
    subject = _FIRST_BOUND + len(sorts) + 1
    subjects = {f"subject_{part}": f"${subject + n}::text[]" for n, part in enumerate(("type", "id", "relation"))}
    arms = []
    for bound, sort in enumerate(sorts, _FIRST_BOUND):
        columns = {**_ENTITY, **subjects} if sort == _MEMBERSHIP else _ENTITY
        arrays = ", ".join([*columns.values(), f"${bound}::int4[]", f"${bound + 1}::int4[]"])
        lines = _LINES.replace("{columns}", ", ".join(columns)).replace("{arrays}", arrays)
        arms.append(_ARMS[sort].replace("{sort}", str(sort)).replace("{lines}", lines))
    limit = f" LIMIT {MOST_ROWS}" if not _LISTED.isdisjoint(sorts) else ""
    return " UNION ALL ".join(arms) + limit


def _arguments_of(reads: Sequence[EntityRead]) -> tuple[tuple[int, ...], tuple[Sequence[object], ...]]:
    """The sorts of facts wanted, and from $3 on the arguments of the statement that tells them."""
    kinds = {read.wanted for read in reads}
    kinds.add(_NOTHING_WANTED)
    sorts = tuple(sort for sort in range(4) if any(_names(wanted)[sort] for wanted in kinds))
    names: list[str] = []
    bounds_of: dict[Wanted, tuple[int, ...]] = {}
    for wanted in kinds:
        bounds = [len(names) + 1]
        for sort in sorts:
            names += _names(wanted)[sort]
            bounds.append(len(names) + 1)
        bounds_of[wanted] = tuple(bounds)
    lines = []
    for entity_type, entity_id, subject, wanted in reads:
        if is_searchable(entity_type, entity_id, *subject):
            lines.append((entity_type, entity_id, *bounds_of[wanted], *subject))
        else:
            lines.append(("", "", *bounds_of[_NOTHING_WANTED], "", "", ""))
    columns = tuple(zip(*lines, strict=True))
    if _MEMBERSHIP not in sorts:
        columns = columns[:-3]
    return sorts, (*columns[:2], names, *columns[2:])


def _names(wanted: Wanted) -> tuple[tuple[str, ...], ...]:
    return (wanted.memberships, wanted.usersets, wanted.subjects, wanted.attributes)


def _facts_in(rows: Sequence[asyncpg.Record], count: int) -> Sequence[Facts]:
    """What the rows tell of each of so many reads."""
    told: dict[int, _Told] = {}
    several: list[list[SubjectRef]] = []
    for row in rows:
        sort, place, name, first, second, third, *_ = row
        if (found := told.get(place)) is None:
            found = told[place] = (set(), {}, {}, {})
        if sort == _MEMBERSHIP:
            found[0].add(name)
        elif sort == _ATTRIBUTE:
            found[3][name] = decode_value(int(first), second)
        else:
            by_relation = found[1] if sort == _USERSET else found[2]
            subject = SubjectRef(second, third, first)
            if (subjects := by_relation.get(name)) is None:
                by_relation[name] = [subject]
            else:
                if len(subjects) == 1:
                    several.append(subjects)
                subjects.append(subject)
    for subjects in several:  # they come in order as the plans are; what is promised does not hang on a plan
        subjects.sort(key=_place_in_order)
    return [Facts._make(told[place]) if place in told else NOTHING for place in range(1, count + 1)]


_place_in_order = itemgetter(2, 0, 1)
