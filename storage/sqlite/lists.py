"""Lists of ids in byte order, each merged from arms that an index gives in that order.

A list of what many subjects hold has an arm for each subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from model.attributes import AttributeKind, AttributeValue
from model.snapshot import Snapshot
from storage.base import HeldBy, Holders, KnownEntities, KnownSubjects, Listing, Stretch, WithAttribute
from storage.merging import Arm, Merge
from storage.sqlite.layout import CREATED
from storage.sqlite.reader import Execute, Reader
from storage.sqlite.timeline import Timeline
from storage.sqlite.turns import STATEMENT_COST, run_in_turns
from storage.values import encode_value

# Parameters of every arm: ?1 tenant, ?2 the commit, ?3 how many ids at most, ?4 to ?7 what the arms of a statement have
# in common; then for each arm its key and the id to go on beyond. A row is the place of its arm, an id, and whether
# the id counts: one that does not was looked at all the same, and the arm goes on beyond it.
_FIRST_OF_ARM = 8
_VISIBLE = f"{CREATED} <= ?2 AND expired > ?2"
_HELD_BY = f"""
SELECT {{arm}}, entity_id, 1 FROM tuples INDEXED BY tuples_by_subject
WHERE tenant = ?1 AND subject_type = ?4 AND subject_relation = ?5 AND entity_type = ?6 AND relation = ?7
  AND subject_id = {{key}} AND entity_id > {{beyond}} AND {_VISIBLE}
ORDER BY entity_id LIMIT ?3
"""  # noqa: S608 - names are constants
_HOLDERS = f"""
SELECT {{arm}}, subject_id, 1 FROM tuples INDEXED BY tuples_by_entity
WHERE tenant = ?1 AND entity_type = ?4 AND relation = ?5 AND subject_type = ?6 AND subject_relation = ?7
  AND entity_id = {{key}} AND subject_id > {{beyond}} AND {_VISIBLE}
ORDER BY subject_id LIMIT ?3
"""  # noqa: S608 - names are constants
_WITH_ATTRIBUTE = f"""
SELECT {{arm}}, entity_id, 1 FROM attributes INDEXED BY attributes_by_name
WHERE tenant = ?1 AND entity_type = ?4 AND name = {{key}} AND entity_id > {{beyond}} AND {_VISIBLE}
ORDER BY entity_id LIMIT ?3
"""  # noqa: S608 - names are constants
_WITH_VALUE = _WITH_ATTRIBUTE.replace(", 1 FROM", ", kind = ?5 AND value = ?6 FROM")

# An id that fills many rows is left by a leap to the next id that has a visible row.
_LEAPING = f"""
SELECT {{{{arm}}}}, id, 1 FROM (
  WITH RECURSIVE leap(id) AS (
    SELECT {{{{beyond}}}}
    UNION ALL
    SELECT (
      SELECT {{column}} FROM {{table}} INDEXED BY {{index}}
      WHERE tenant = ?1 AND {{where}} AND {{column}} > leap.id AND {_VISIBLE}
      ORDER BY {{column}} LIMIT 1
    ) FROM leap WHERE leap.id IS NOT NULL
    LIMIT ?3 + 1
  )
  SELECT leap.id FROM leap WHERE leap.id IS NOT NULL LIMIT -1 OFFSET 1
)
""".replace("(id >> 24)", "({table}.id >> 24)")  # noqa: S608 - names are constants
_ENTITIES = _LEAPING.format(column="entity_id", table="tuples", index="tuples_by_entity", where="entity_type = {key}")
_OWNERS = _LEAPING.format(
    column="entity_id", table="attributes", index="attributes_by_entity", where="entity_type = {key}"
)
_SUBJECTS = _LEAPING.format(
    column="subject_id", table="tuples", index="tuples_by_subject", where="subject_type = {key}"
)
_SUBJECTS_OF_RELATION = _SUBJECTS.replace("subject_type = {key}", "subject_type = {key} AND subject_relation = ?4")

_ARMS_PER_STATEMENT = 64
_TRUE = AttributeValue(AttributeKind.BOOLEAN, True)


class _Form(NamedTuple):
    """What the arms of one statement have in common: its text, and ?4 to ?7."""

    statement: str
    shared: tuple[object, ...]


class ListReader:
    """Answers ``list_ids``."""

    def __init__(self, reader: Reader, timeline: Timeline) -> None:
        self._reader = reader
        self._timeline = timeline

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> list[Stretch]:
        """See SnapshotReader. Raises what ``Timeline.number_of`` and ``Reader`` raise."""
        number = self._timeline.number_of(snapshot)
        stretches: list[Stretch] = []

        def steps_of(execute: Execute) -> Iterator[int]:
            for listing in listings:
                yield from _steps(execute, (tenant, number), listing, beyond=beyond, about=about, stretches=stretches)

        await run_in_turns(self._reader, self._timeline, number, steps_of)
        return stretches


def _steps(
    execute: Execute, scope: tuple[str, int], listing: Listing, *, beyond: str, about: int, stretches: list[Stretch]
) -> Iterator[int]:
    """Add the listing's stretch; after each statement, what it cost in rows."""
    merge = Merge(_arms_of(listing, beyond), about, most=about + 1)
    while merge.holding:
        for arms in _statements(merge.holding):
            form = arms[0].form
            own = [part for arm in arms for part in (arm.key, arm.last)]
            statement = _statement_of(form.statement, len(arms))
            rows = execute(statement, (*scope, merge.portion, *form.shared, *own)).fetchall()
            places, ids, counts = zip(*rows, strict=True) if rows else ((), (), ())
            merge.learn(arms, places, ids, counts)
            yield STATEMENT_COST + 2 * len(arms) + len(rows)
        merge.end_round()
    stretches.append(merge.stretch())


def _arms_of(listing: Listing, beyond: str) -> list[Arm[_Form]]:
    match listing:
        case HeldBy(entity_type, relation, subject_type, subject_relation, subject_ids):
            form = _Form(_HELD_BY, (subject_type, subject_relation, entity_type, relation))
            return [Arm(form, subject_id, beyond) for subject_id in subject_ids]
        case Holders(entity_type, entity_id, relation, subject_type, subject_relation):
            form = _Form(_HOLDERS, (entity_type, relation, subject_type, subject_relation))
            return [Arm(form, entity_id, beyond)]
        case WithAttribute(entity_type, name, is_true):
            value = encode_value(_TRUE)
            form = _Form(_WITH_VALUE if is_true else _WITH_ATTRIBUTE, (entity_type, *value, None))
            return [Arm(form, name, beyond)]
        case KnownEntities(entity_type):
            unused = (None,) * 4
            return [Arm(_Form(text, unused), entity_type, beyond) for text in (_ENTITIES, _OWNERS, _SUBJECTS)]
        case KnownSubjects(subject_type, subject_relation):
            form = _Form(_SUBJECTS_OF_RELATION, (subject_relation, None, None, None))
            return [Arm(form, subject_type, beyond)]


def _statements(arms: Sequence[Arm[_Form]]) -> Iterator[Sequence[Arm[_Form]]]:
    """Arms that one statement can read together, all of one form."""
    start = 0
    for end in range(1, len(arms) + 1):
        if end == len(arms) or end - start == _ARMS_PER_STATEMENT or arms[end].form is not arms[start].form:
            yield arms[start:end]
            start = end


@lru_cache(maxsize=1024)
def _statement_of(arm: str, arms: int) -> str:
    """The statement that reads so many arms of one form."""
    texts = (
        arm.format(arm=number + 1, key=f"?{_FIRST_OF_ARM + 2 * number}", beyond=f"?{_FIRST_OF_ARM + 2 * number + 1}")
        for number in range(arms)
    )
    return " UNION ALL ".join(f"SELECT * FROM ({text})" for text in texts)  # noqa: S608 - made of constants
