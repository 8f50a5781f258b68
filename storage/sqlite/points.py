"""Reads of entities, each by one statement, in turns that leave the event loop its share.

A statement is a UNION ALL of one arm per fact wanted, each arm one descent into an index. Running a statement costs
more than a descent, so for seven facts this takes two thirds of the time of a statement each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model.attributes import AttributeValue
from model.snapshot import Snapshot
from model.tuples import SubjectRef
from storage.base import EntityRead, Facts, Wanted
from storage.sqlite.layout import CREATED
from storage.sqlite.reader import Execute, Reader, Row
from storage.sqlite.timeline import Timeline
from storage.sqlite.turns import STATEMENT_COST, run_in_turns
from storage.values import decode_value

# Each row of an answer starts with what it tells and the name of the relation or attribute.
_MEMBERSHIP, _USERSET, _SUBJECT, _ATTRIBUTE = range(4)

# Parameters of every arm: ?1 tenant, ?2 ?3 the entity, ?4 ?5 ?6 the subject (type, id, relation), ?7 the commit, ?8 how
# many subjects at most. The names follow.
_FIRST_NAME = 9
_OF_RELATION = """
FROM tuples INDEXED BY tuples_by_entity
WHERE tenant = ?1 AND entity_type = ?2 AND entity_id = ?3 AND relation = {name}
"""
_VISIBLE = f"AND {CREATED} <= ?7 AND expired > ?7"
_ALL_SUBJECTS = f"""
SELECT {{sort}}, {{name}}, subject_relation, subject_type, subject_id
{_OF_RELATION} AND {{bound}} {_VISIBLE}
"""
_SUBJECTS = f"""
SELECT * FROM ({_ALL_SUBJECTS} ORDER BY subject_relation, subject_type, subject_id LIMIT ?8)
"""  # noqa: S608 - names are constants
_USERSETS_ONLY, _EVERYBODY = "subject_relation > ''", "subject_relation >= ''"
_ARMS = (
    f"""
    SELECT {{sort}}, {{name}}, '', '', ''
    {_OF_RELATION} AND subject_type = ?4 AND subject_id = ?5 AND subject_relation = ?6 {_VISIBLE}
    """,
    _SUBJECTS.replace("{bound}", _USERSETS_ONLY),
    _SUBJECTS.replace("{bound}", _EVERYBODY),
    f"""
    SELECT {{sort}}, {{name}}, kind, value, '' FROM attributes INDEXED BY attributes_by_entity
    WHERE tenant = ?1 AND entity_type = ?2 AND entity_id = ?3 AND name = {{name}} {_VISIBLE}
    """,  # noqa: S608 - names are constants
)
_UNBOUNDED_ARMS = (
    _ARMS[_MEMBERSHIP],
    _ALL_SUBJECTS.replace("{bound}", _USERSETS_ONLY),
    _ALL_SUBJECTS.replace("{bound}", _EVERYBODY),
    _ARMS[_ATTRIBUTE],
)
"""The same without a bound of their own, a tenth faster; the statement as a whole has one."""

MORE_SUBJECTS = _SUBJECTS.format(
    sort=_SUBJECT, name=f"?{_FIRST_NAME}", bound="(subject_relation, subject_type, subject_id) > (?6, ?4, ?5)"
)
"""The subjects of a relation that follow one already read, which stands in place of the subject asked for."""

_MOST_ARMS = 100  # SQLite takes 500
_SUBJECTS_PER_ARM = 500

_FEW = 8  # reads that are answered on the spot: the common case of a walk up a chain
_MOST_PREPARED = 10_000  # about 1 kB each; schemas in use have far fewer

Prepared = tuple[tuple[str, tuple[str, ...]], ...]
"""Statements, each with the names it asks for."""

NOTHING = Facts(frozenset(), {}, {}, {})


class EntityReader:
    """Answers reads of entities; keeps the text of the statements for what has been wanted before."""

    def __init__(self, reader: Reader, timeline: Timeline) -> None:
        self._reader = reader
        self._timeline = timeline
        self._prepared: dict[Wanted, Prepared] = {}
        self._whole: dict[Wanted, tuple[str, tuple[str, ...]]] = {}

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> list[Facts]:
        """Facts aligned with the reads; about 90 reads that find little are answered without an await.

        Raises what ``Timeline.number_of`` and ``Reader`` raise.
        """
        number = self._timeline.number_of(snapshot)
        if 0 < len(reads) <= _FEW:
            found = [one for read in reads if (one := self._read_one(tenant, number, read)) is not None]
            if len(found) == len(reads):
                self._timeline.ensure_readable(number)
                return found
        facts: list[Facts] = []

        def steps_of(execute: Execute) -> Iterator[int]:
            return self._steps(execute, tenant=tenant, number=number, reads=reads, facts=facts)

        await run_in_turns(self._reader, self._timeline, number, steps_of)
        return facts

    def _read_one(self, tenant: str, number: int, read: EntityRead) -> Facts | None:
        """Facts of one entity by one statement; None if there are too many for that."""
        entity_type, entity_id, subject, wanted = read
        statement, names = self._whole.get(wanted) or self._prepare_whole(wanted)
        if not names:
            return NOTHING
        if len(names) > _MOST_ARMS:
            return None
        scope = (tenant, entity_type, entity_id, *subject, number, _SUBJECTS_PER_ARM, *names)
        rows = self._reader.rows(statement, scope)
        if not rows:
            return NOTHING
        return _facts_in(rows)[0] if len(rows) < _SUBJECTS_PER_ARM else None

    def _steps(
        self, execute: Execute, *, tenant: str, number: int, reads: Sequence[EntityRead], facts: list[Facts]
    ) -> Iterator[int]:
        """Add to ``facts`` read by read; after each statement, what it cost in rows."""
        for entity_type, entity_id, subject, wanted in reads:
            rows: list[Row] = []
            for statement, names in self._prepared.get(wanted) or self._prepare(wanted):
                scope = (tenant, entity_type, entity_id, *subject, number, _SUBJECTS_PER_ARM)
                rows += execute(statement, scope + names).fetchall()
                yield STATEMENT_COST + len(rows)
            found, cut_short = _facts_in(rows)
            for relation, subjects in cut_short:
                while True:
                    scope = (tenant, entity_type, entity_id, *subjects[-1], number, _SUBJECTS_PER_ARM)
                    rows = execute(MORE_SUBJECTS, (*scope, relation)).fetchall()
                    subjects += [SubjectRef(row[3], row[4], row[2]) for row in rows]
                    yield STATEMENT_COST + len(rows)
                    if len(rows) < _SUBJECTS_PER_ARM:
                        break
            facts.append(found)

    def _prepare_whole(self, wanted: Wanted) -> tuple[str, tuple[str, ...]]:
        """The one statement that gives everything, up to a bound over all its rows, and the names it asks for."""
        sorts, names = _arms_of(wanted)
        if len(self._whole) >= _MOST_PREPARED:
            self._whole.clear()
        self._whole[wanted] = f"{statement_of(sorts, _UNBOUNDED_ARMS)} LIMIT ?8", names
        return self._whole[wanted]

    def _prepare(self, wanted: Wanted) -> Prepared:
        """The statements to run and the names each asks for: one as a rule, none if nothing is wanted."""
        sorts, names = _arms_of(wanted)
        parts = [slice(start, start + _MOST_ARMS) for start in range(0, len(names), _MOST_ARMS)]
        prepared = tuple((statement_of(sorts[part]), names[part]) for part in parts)
        if len(self._prepared) >= _MOST_PREPARED:
            self._prepared.clear()
        self._prepared[wanted] = prepared
        return prepared


def statement_of(sorts: Sequence[int], arms: Sequence[str] = _ARMS) -> str:
    """The statement with these arms; its parameters are those of every arm, then a name for each in order."""
    places = enumerate(sorts, _FIRST_NAME)
    return "UNION ALL".join(arms[sort].format(sort=sort, name=f"?{place}") for place, sort in places)


def _arms_of(wanted: Wanted) -> tuple[list[int], tuple[str, ...]]:
    """What each arm tells, and the name it asks for."""
    names = wanted.memberships + wanted.usersets + wanted.subjects + wanted.attributes
    shape = (len(wanted.memberships), len(wanted.usersets), len(wanted.subjects), len(wanted.attributes))
    return [sort for sort, many in enumerate(shape) for _ in range(many)], names


def _facts_in(rows: list[Row]) -> tuple[Facts, list[tuple[str, list[SubjectRef]]]]:
    """The facts that rows tell, and the lists of subjects among them that may go on, each with its relation."""
    memberships: set[str] = set()
    listed: tuple[dict[str, list[SubjectRef]], ...] = ({}, {})
    attributes: dict[str, AttributeValue] = {}
    if len(rows) > 1:
        rows.sort()  # UNION ALL promises no order; Python's order of strings is that of their UTF-8 bytes
    for sort, name, first, second, third in rows:
        if sort == _MEMBERSHIP:
            memberships.add(name)
        elif sort == _ATTRIBUTE:
            attributes[name] = decode_value(first, second)
        else:
            listed[sort - _USERSET].setdefault(name, []).append(SubjectRef(second, third, first))
    cut_short = []
    if len(rows) >= _SUBJECTS_PER_ARM:
        cut_short = [entry for lists in listed for entry in lists.items() if len(entry[1]) >= _SUBJECTS_PER_ARM]
    usersets, subjects = listed
    return Facts(memberships, usersets, subjects, attributes), cut_short
