"""Lists of ids in byte order, each merged from arms that an index gives in that order.

A list of what many subjects hold has an arm for each subject. The arms of all lists that are asked for together are
read together, by one statement for each form of arm there is among them; a statement gives a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from model.attributes import AttributeKind, AttributeValue
from model.snapshot import Snapshot
from storage.base import HeldBy, Holders, KnownEntities, KnownSubjects, Listing, Stretch, WithAttribute
from storage.merging import Arm, Merge
from storage.postgres.reading import NO_ROWS, SnapshotReads
from storage.postgres.snapshots import visible
from storage.postgres.texts import is_searchable
from storage.values import encode_value

_TRUE_KIND, _TRUE_VALUE = encode_value(AttributeValue(AttributeKind.BOOLEAN, True))

# Parameters: $2 tenant, then one array for each column of an arm: its key, the id to go on beyond, how many ids at
# most, and what else its form says (a to d). Each arm is a descent of its own: its LIMIT is a column, so it cannot be
# joined in any other way.
_VISIBLE = visible("{at}")
_ARMS = """
SELECT arm.place, found.id, {counts} AS counts
FROM unnest($3::text[], $4::text[], $5::int4[], $6::text[], $7::text[], $8::text[], $9::text[]) WITH ORDINALITY
    AS arm (key, beyond, most, a, b, c, d, place)
CROSS JOIN LATERAL ({arm}) AS found
"""
_HELD_BY = f"""
SELECT entity_id AS id FROM ringward.tuples
WHERE tenant = $2 AND subject_type = arm.a AND subject_id = arm.key AND subject_relation = arm.b
  AND entity_type = arm.c AND relation = arm.d AND entity_id > arm.beyond AND {_VISIBLE}
ORDER BY entity_id LIMIT arm.most
"""  # noqa: S608 - names are constants
# In the order of tuples_by_entity, which alone leads to them: by the order of ids alone the planner, when it knows no
# better, walks all subjects of the type in tuples_by_subject. What follows the last one is cut off outside.
_HOLDERS = f"""
SELECT subject_id AS id FROM (
  SELECT subject_relation, subject_type, subject_id FROM ringward.tuples
  WHERE tenant = $2 AND entity_type = arm.a AND entity_id = arm.key AND relation = arm.b
    AND (subject_relation, subject_type, subject_id) > (arm.d, arm.c, arm.beyond) AND {_VISIBLE}
  ORDER BY subject_relation, subject_type, subject_id LIMIT arm.most
) AS following
WHERE subject_type = arm.c AND subject_relation = arm.d
"""  # noqa: S608 - names are constants
_WITH_ATTRIBUTE = f"""
SELECT entity_id AS id, kind, value FROM ringward.attributes
WHERE tenant = $2 AND entity_type = arm.a AND name = arm.key AND entity_id > arm.beyond AND {_VISIBLE}
ORDER BY entity_id LIMIT arm.most
"""  # noqa: S608 - names are constants
_IS_TRUE = f"(arm.b = '' OR (found.kind = {_TRUE_KIND} AND found.value = '{_TRUE_VALUE}'))"

# An id that fills many rows is left by a leap to the next id that has a visible row.
_LEAPING = f"""
WITH RECURSIVE leap (id) AS (
  SELECT arm.beyond COLLATE "C"
  UNION ALL
  SELECT (
    SELECT {{column}} FROM ringward.{{table}}
    WHERE tenant = $2 AND {{where}} AND {{column}} > leap.id AND {_VISIBLE}
    ORDER BY {{column}} LIMIT 1
  ) FROM leap WHERE leap.id IS NOT NULL
)
SELECT id FROM leap WHERE id IS NOT NULL LIMIT arm.most OFFSET 1
"""  # noqa: S608 - names are constants


def _arms(arm: str, *, counts: str = "true") -> str:
    return _ARMS.replace("{arm}", arm).replace("{counts}", counts)


def _leaping(column: str, table: str, where: str) -> str:
    return _arms(_LEAPING.replace("{column}", column).replace("{table}", table).replace("{where}", where))


HELD_BY = _arms(_HELD_BY)
HOLDERS = _arms(_HOLDERS)
WITH_ATTRIBUTE = _arms(_WITH_ATTRIBUTE, counts=_IS_TRUE)
ENTITIES = _leaping("entity_id", "tuples", "entity_type = arm.key")
OWNERS = _leaping("entity_id", "attributes", "entity_type = arm.key")
SUBJECTS = _leaping("subject_id", "tuples", "subject_type = arm.key")
SUBJECTS_OF_RELATION = _leaping("subject_id", "tuples", "subject_type = arm.key AND subject_relation = arm.a")

_MOST_ROWS = 2000  # of one statement: what the driver decodes in about two milliseconds, all at once


class _Form(NamedTuple):
    """What the arms of a list have in common: the statement, and a to d of it."""

    statement: str
    shared: tuple[str, str, str, str]


_Asked = tuple[Merge[_Form], Arm[_Form]]


class ListReader:
    """Answers ``list_ids``."""

    def __init__(self, reads: SnapshotReads) -> None:
        self._reads = reads

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> list[Stretch]:
        """See SnapshotReader. Raises as ``SnapshotReads.fetch``."""
        arms = [_arms_of(listing, beyond) for listing in listings]
        first = _MOST_ROWS // max(1, sum(map(len, arms)))  # so that one statement has room for all of them
        merges = [Merge(of_listing, about, most=_MOST_ROWS, first=first) for of_listing in arms]
        if not any(merge.holding for merge in merges):
            await self._reads.fetch(snapshot, NO_ROWS)
        while holding := [merge for merge in merges if merge.holding]:
            asked = [(merge, arm) for merge in holding for arm in merge.holding]
            for together in _statements(asked):
                await self._read(tenant, snapshot, together)
            for merge in holding:
                merge.end_round()
        return [merge.stretch() for merge in merges]

    async def _read(self, tenant: str, snapshot: Snapshot, asked: Sequence[_Asked]) -> None:
        columns = zip(*((arm.key, arm.last, merge.portion, *arm.form.shared) for merge, arm in asked), strict=True)
        rows = await self._reads.fetch(snapshot, asked[0][1].form.statement, tenant, *columns)
        found: list[list[tuple[str, object]]] = [[] for _ in asked]
        for row in rows:
            found[row[0] - 1].append((row[1], row[2]))
        answered = zip(asked, found, strict=True)
        for merge, of_merge in groupby(answered, key=lambda answer: answer[0][0]):
            part = list(of_merge)
            merge.learn(
                [arm for (_, arm), _ in part],
                [(number, *one) for number, (_, ids) in enumerate(part) for one in ids],
            )


def _statements(asked: Sequence[_Asked]) -> Iterator[Sequence[_Asked]]:
    """What one statement can read together: arms of one form, as many as are sure not to give too many rows."""
    for _, alike in groupby(sorted(asked, key=_statement), key=_statement):
        together: list[_Asked] = []
        rows = 0
        for merge, arm in alike:
            rows += merge.portion
            if together and rows > _MOST_ROWS:
                yield together
                together, rows = [], merge.portion
            together.append((merge, arm))
        yield together


def _statement(asked: _Asked) -> str:
    return asked[1].form.statement


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
    return [arm for arm in arms if is_searchable(arm.key, *arm.form.shared)]
