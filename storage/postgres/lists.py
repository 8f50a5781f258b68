"""Lists of ids in byte order, each merged from arms that an index gives in that order.

A list of what many subjects hold has an arm for each subject. The arms of all lists that are asked for together are
read together, by one statement for each form of arm there is among them; a statement gives a bounded number of ids, and
gives them packed: in a row each they cost server and driver five times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from operator import attrgetter
from typing import NamedTuple

from model.attributes import AttributeKind, AttributeValue
from model.snapshot import Snapshot
from storage.base import HeldBy, Holders, KnownEntities, KnownSubjects, Listing, Stretch, WithAttribute
from storage.merging import Arm, Merge
from storage.postgres.joint import JointReads
from storage.postgres.reading import NO_ROWS, SnapshotReads
from storage.postgres.snapshots import visible
from storage.postgres.texts import is_searchable
from storage.values import encode_value

_TRUE_KIND, _TRUE_VALUE = encode_value(AttributeValue(AttributeKind.BOOLEAN, True))

# Parameters: $2 tenant, $3 the keys of all arms, $4 the ids they go on beyond if that is not where their line begins;
# from $5 on, for each line of arms that belong to one list and have one form: the first of them and the last, how many
# ids each gives at most, beyond which id, and what else the form says (a to d). Each arm is a descent of its own: its
# LIMIT is a column, so it cannot be joined in any other way.
_VISIBLE = visible("{at}")
_LINES = """
SELECT found.* FROM unnest(
  $5::int4[], $6::int4[], $7::int4[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[]
) WITH ORDINALITY AS line (first, last, most, beyond, a, b, c, d, place)
CROSS JOIN LATERAL (
  SELECT line.place, array_agg(arm.place::int4) AS places, array_agg(found.id) AS ids, {counts} AS counts
  FROM unnest(($3::text[])[first : last], ($4::text[])[first : last]) WITH ORDINALITY AS arm (key, beyond, place)
  CROSS JOIN LATERAL ({arm}) AS found
) AS found
"""
_BEYOND = "coalesce(arm.beyond, line.beyond)"
_HELD_BY = f"""
SELECT entity_id AS id FROM ringward.tuples
WHERE tenant = $2 AND subject_type = line.a AND subject_id = arm.key AND subject_relation = line.b
  AND entity_type = line.c AND relation = line.d AND entity_id > {_BEYOND} AND {_VISIBLE}
ORDER BY entity_id LIMIT line.most
"""  # noqa: S608 - names are constants
# In the order of tuples_by_entity, which alone leads to them: by the order of ids alone the planner, when it knows no
# better, walks all subjects of the type in tuples_by_subject. What follows the last one is cut off outside.
_HOLDERS = f"""
SELECT subject_id AS id FROM (
  SELECT subject_relation, subject_type, subject_id FROM ringward.tuples
  WHERE tenant = $2 AND entity_type = line.a AND entity_id = arm.key AND relation = line.b
    AND (subject_relation, subject_type, subject_id) > (line.d, line.c, {_BEYOND}) AND {_VISIBLE}
  ORDER BY subject_relation, subject_type, subject_id LIMIT line.most
) AS following
WHERE subject_type = line.c AND subject_relation = line.d
"""  # noqa: S608 - names are constants
_WITH_ATTRIBUTE = f"""
SELECT entity_id AS id, kind, value FROM ringward.attributes
WHERE tenant = $2 AND entity_type = line.a AND name = arm.key AND entity_id > {_BEYOND} AND {_VISIBLE}
ORDER BY entity_id LIMIT line.most
"""  # noqa: S608 - names are constants
_IS_TRUE = f"array_agg(line.b = '' OR (found.kind = {_TRUE_KIND} AND found.value = '{_TRUE_VALUE}'))"

# An id that fills many rows is left by a leap to the next id that has a visible row.
_LEAPING = f"""
WITH RECURSIVE leap (id) AS (
  SELECT {_BEYOND} COLLATE "C"
  UNION ALL
  SELECT (
    SELECT {{column}} FROM ringward.{{table}}
    WHERE tenant = $2 AND {{where}} AND {{column}} > leap.id AND {_VISIBLE}
    ORDER BY {{column}} LIMIT 1
  ) FROM leap WHERE leap.id IS NOT NULL
)
SELECT id FROM leap WHERE id IS NOT NULL LIMIT line.most OFFSET 1
"""  # noqa: S608 - names are constants


def _lines(arm: str, *, counts: str = "NULL::boolean[]") -> str:
    return _LINES.replace("{arm}", arm).replace("{counts}", counts)


def _leaping(column: str, table: str, where: str) -> str:
    return _lines(_LEAPING.replace("{column}", column).replace("{table}", table).replace("{where}", where))


HELD_BY = _lines(_HELD_BY)
HOLDERS = _lines(_HOLDERS)
WITH_ATTRIBUTE = _lines(_WITH_ATTRIBUTE, counts=_IS_TRUE)
ENTITIES = _leaping("entity_id", "tuples", "entity_type = arm.key")
OWNERS = _leaping("entity_id", "attributes", "entity_type = arm.key")
SUBJECTS = _leaping("subject_id", "tuples", "subject_type = arm.key")
SUBJECTS_OF_RELATION = _leaping("subject_id", "tuples", "subject_type = arm.key AND subject_relation = line.a")

_MOST_IDS = 2000  # of one caller in a statement, within half a millisecond of the driver and the merge
_MOST_IDS_JOINTLY = 16_000  # hardly ever are there half as many
_LEAST_PORTION = 8
_STATEMENTS_AT_ONCE = 2


class _Form(NamedTuple):
    """What the arms of a list have in common: the statement, and a to d of it."""

    statement: str
    shared: tuple[str, str, str, str]


class _Line(NamedTuple):
    """Arms of one form that are read for one list, so many ids of each at most."""

    merge: Merge[_Form]
    form: _Form
    arms: Sequence[Arm[_Form]]
    portion: int
    beyond: str

    @property
    def statement(self) -> str:
        return self.form.statement

    @property
    def most_ids(self) -> int:
        """How many ids it gives at most."""
        return self.portion * len(self.arms)


class _Found(NamedTuple):
    """The ids of a line; for each the place of its arm among the line's, and unless all count, whether it does."""

    places: Sequence[int] = ()
    ids: Sequence[str] = ()
    counts: Sequence[bool] | None = None


class ListReader:
    """Answers ``list_ids``."""

    def __init__(self, reads: SnapshotReads) -> None:
        self._reads = reads
        self._joint = JointReads(self._read, at_once=_STATEMENTS_AT_ONCE, most=_MOST_IDS_JOINTLY, size_of=_size_of)

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> list[Stretch]:
        """See SnapshotReader. Raises as ``SnapshotReads.fetch``.

        Asked together with what others ask of the same snapshot, unless it is text that would fail them.
        """
        ask = self._joint.ask if is_searchable(beyond) else self._read
        arms = [_arms_of(listing, beyond) for listing in listings]
        first = max(_LEAST_PORTION, _MOST_IDS // max(1, sum(map(len, arms))))  # one statement has room for most
        merges = [Merge(of_listing, about, most=_MOST_IDS, first=first) for of_listing in arms]
        if not any(merge.holding for merge in merges):
            await self._reads.fetch(snapshot, NO_ROWS)
        while holding := [merge for merge in merges if merge.holding]:
            for lines in _statements(line for merge in holding for line in _lines_of(merge, beyond)):
                answers = await ask((tenant, snapshot, lines[0].statement), lines)
                for line, found in zip(lines, answers or (), strict=True):
                    line.merge.learn(line.arms, *found)
            for merge in holding:
                merge.end_round()
        return [merge.stretch() for merge in merges]

    async def _read(self, scope: tuple[str, Snapshot, str], lines: Sequence[_Line]) -> list[_Found]:
        tenant, snapshot, statement = scope
        arms = [(arm.key, None if arm.last == line.beyond else arm.last) for line in lines for arm in line.arms]
        keys, lasts = zip(*arms, strict=True)
        if lasts.count(None) == len(lasts):
            lasts = ()
        ends = list(accumulate(len(line.arms) for line in lines))
        starts = [end - len(line.arms) + 1 for end, line in zip(ends, lines, strict=True)]
        columns = zip(*((line.portion, line.beyond, *line.form.shared) for line in lines), strict=True)
        found = [_Found()] * len(lines)
        for row in await self._reads.fetch(snapshot, statement, tenant, keys, lasts, starts, ends, *columns):
            if row["ids"]:
                found[row["place"] - 1] = _Found(row["places"], row["ids"], row["counts"])
        return found


def _size_of(lines: Sequence[_Line]) -> int:
    return sum(line.most_ids for line in lines)


def _lines_of(merge: Merge[_Form], beyond: str) -> Iterator[_Line]:
    for form, arms in groupby(merge.holding, key=attrgetter("form")):
        yield _Line(merge, form, list(arms), merge.portion, beyond)


def _statements(lines: Iterable[_Line]) -> Iterator[Sequence[_Line]]:
    """What one statement can read together: lines of one form, as many arms as are sure not to give too many ids."""
    by_statement = attrgetter("statement")
    for _, alike in groupby(sorted(lines, key=by_statement), key=by_statement):
        together: list[_Line] = []
        room = _MOST_IDS
        for line in alike:
            arms = line.arms
            while arms:
                if room < line.portion and together:
                    yield together
                    together, room = [], _MOST_IDS
                fitting = max(1, room // line.portion)
                part = line._replace(arms=arms[:fitting])
                together.append(part)
                room -= part.most_ids
                arms = arms[fitting:]
        yield together


def _arms_of(listing: Listing, beyond: str) -> list[Arm[_Form]]:
    """The arms of a list; none for names that cannot be stored."""
    match listing:
        case HeldBy(entity_type, relation, subject_type, subject_relation, subject_ids):
            form = _Form(HELD_BY, (subject_type, subject_relation, entity_type, relation))
            arms = [Arm(form, subject_id, beyond) for subject_id in subject_ids]
        case Holders(entity_type, entity_id, relation, subject_type, subject_relation):
            form = _Form(HOLDERS, (entity_type, relation, subject_type, subject_relation))
            arms = [Arm(form, entity_id, beyond)]
        case WithAttribute(entity_type, name, is_true):
            form = _Form(WITH_ATTRIBUTE, (entity_type, "true" if is_true else "", "", ""))
            arms = [Arm(form, name, beyond)]
        case KnownEntities(entity_type):
            forms = (_Form(text, ("", "", "", "")) for text in (ENTITIES, OWNERS, SUBJECTS))
            arms = [Arm(form, entity_type, beyond) for form in forms]
        case KnownSubjects(subject_type, subject_relation):
            arms = [Arm(_Form(SUBJECTS_OF_RELATION, (subject_relation, "", "", "")), subject_type, beyond)]
    if not arms or is_searchable(*arms[0].form.shared, *(arm.key for arm in arms)):
        return arms
    return [arm for arm in arms if is_searchable(arm.key, *arm.form.shared)]
