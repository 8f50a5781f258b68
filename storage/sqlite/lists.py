"""Lists of ids in byte order, each merged from arms that an index gives in that order.

A list of what many subjects hold has an arm for each subject. Every arm is read a little at first; those that hold the
merge back are read on, in growing portions. So a stretch costs a descent per arm and little more than its own length,
whether a few arms are long or many are short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from model.attributes import AttributeKind, AttributeValue
from model.snapshot import Snapshot
from storage.base import HeldBy, Holders, KnownEntities, KnownSubjects, Listing, Stretch, WithAttribute
from storage.sqlite.layout import CREATED
from storage.sqlite.reader import Execute, Reader
from storage.sqlite.timeline import Timeline
from storage.sqlite.turns import STATEMENT_COST, run_in_turns
from storage.sqlite.values import encode_value

# Parameters of every arm: ?1 tenant, ?2 the commit, ?3 how many ids at most, ?4 to ?7 what the arms of a statement have
# in common; then for each arm its key and the id to go on beyond. A row is the number of its arm, an id, and whether
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
_LEAST_PORTION = 4
_TRUE = AttributeValue(AttributeKind.BOOLEAN, True)


class _Form(NamedTuple):
    """What the arms of one statement have in common: its text, and ?4 to ?7."""

    statement: str
    shared: tuple[object, ...]


class _Arm:
    """One sorted source. last: the id it has been read through."""

    __slots__ = ("form", "is_done", "key", "last")

    def __init__(self, form: _Form, key: str, beyond: str) -> None:
        self.form = form
        self.key = key
        self.last = beyond
        self.is_done = False


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
                merge = _Merge(execute, (tenant, number), _arms_of(listing, beyond), about)
                yield from merge.steps()
                stretches.append(merge.stretch())

        await run_in_turns(self._reader, self._timeline, number, steps_of)
        return stretches


class _Merge:
    """One list in the making. _bound: the id up to which it is wanted, once there are enough; None before."""

    def __init__(self, execute: Execute, scope: tuple[str, int], arms: Sequence[_Arm], about: int) -> None:
        self._execute = execute
        self._scope = scope
        self._open = list(arms)
        self._about = about
        self._ids: set[str] = set()
        self._bound: str | None = None

    def steps(self) -> Iterator[int]:
        """Read until enough is known; after each statement, what it cost in rows."""
        portion = max(_LEAST_PORTION, 2 * self._about // max(1, len(self._open)))
        holding = self._open
        while holding:
            for arms in _statements(holding):
                yield self._read(arms, min(portion, self._about + 1))
            portion *= 4
            self._open = [arm for arm in self._open if not arm.is_done]
            if self._open and len(self._ids) >= self._about:
                self._bound = sorted(self._ids)[self._about - 1]
            holding = [arm for arm in self._open if self._bound is None or arm.last < self._bound]

    def stretch(self) -> Stretch:
        """What the steps found."""
        if not self._open or self._bound is None:
            return Stretch(sorted(self._ids), None)
        bound = self._bound
        return Stretch(sorted(found for found in self._ids if found <= bound), bound)

    def _read(self, arms: Sequence[_Arm], portion: int) -> int:
        form = arms[0].form
        own = [part for arm in arms for part in (arm.key, arm.last)]
        rows = self._execute(
            _statement_of(form.statement, len(arms)), (*self._scope, portion, *form.shared, *own)
        ).fetchall()
        self._ids.update([found for _, found, counts in rows if counts])
        read = Counter([number for number, _, _ in rows])
        last: dict[int, str] = {}
        if max(read.values(), default=0) >= portion:
            for number, found, _ in rows:
                last[number] = max(found, last.get(number, found))
        for number, arm in enumerate(arms):
            arm.is_done = read[number] < portion
            arm.last = last.get(number, arm.last)
        return STATEMENT_COST + 2 * len(arms) + len(rows)


def _arms_of(listing: Listing, beyond: str) -> list[_Arm]:
    match listing:
        case HeldBy(entity_type, relation, subject_type, subject_relation, subject_ids):
            form = _Form(_HELD_BY, (subject_type, subject_relation, entity_type, relation))
            return [_Arm(form, subject_id, beyond) for subject_id in subject_ids]
        case Holders(entity_type, entity_id, relation, subject_type, subject_relation):
            form = _Form(_HOLDERS, (entity_type, relation, subject_type, subject_relation))
            return [_Arm(form, entity_id, beyond)]
        case WithAttribute(entity_type, name, is_true):
            value = encode_value(_TRUE)
            form = _Form(_WITH_VALUE if is_true else _WITH_ATTRIBUTE, (entity_type, *value, None))
            return [_Arm(form, name, beyond)]
        case KnownEntities(entity_type):
            unused = (None,) * 4
            return [_Arm(_Form(text, unused), entity_type, beyond) for text in (_ENTITIES, _OWNERS, _SUBJECTS)]
        case KnownSubjects(subject_type, subject_relation):
            form = _Form(_SUBJECTS_OF_RELATION, (subject_relation, None, None, None))
            return [_Arm(form, subject_type, beyond)]


def _statements(arms: Sequence[_Arm]) -> Iterator[Sequence[_Arm]]:
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
        arm.format(arm=number, key=f"?{_FIRST_OF_ARM + 2 * number}", beyond=f"?{_FIRST_OF_ARM + 2 * number + 1}")
        for number in range(arms)
    )
    return " UNION ALL ".join(f"SELECT * FROM ({text})" for text in texts)  # noqa: S608 - made of constants
