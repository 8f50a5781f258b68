"""News: the head, and what the transactions touched that it sees and an earlier snapshot does not.

Mostly there are none, and the reading of the head says so (``heads.py``). Else a second statement tells what they
touched: one for all who had their heads together, since they all come here in the same turn of the loop.

*Which transactions.* Say V is the view of the statement that read the head H, and W the later view of the second one.
Each transaction of the store leaves a row with its id, so a view sees the row exactly if it sees the id. H is V, cut
off behind the newest id on record in V. So of the transactions on record H sees exactly those V sees. It may see more
ids, which touched nothing here: undone, or not the feed's. The second statement takes the ids on record that H sees
and the earlier snapshot does not. W has all that V has, so none is missing. What came on record between V and W was in
progress in V, or not begun, and H, in which ids beyond the newest count as not begun, does not see it; so nothing is
told too early. H is where the next news begin: each transaction is told once, with the first head that sees it.

*What they touched* is in the rows they created or expired, for as long as the horizon has not passed the earlier
snapshot and the tenant has not been deleted since. Both are read by the statement that reads the rows. One that finds
the old horizon began before the new one was committed, so before anything was removed; and a deletion is on record in
the very transaction that removes the rows. The history is read again, too: what another server tells proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from model.attributes import EntityAttribute
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import News, Touch
from storage.postgres.heads import HISTORY, MOST_TRANSACTIONS, UNSEEN, Heads
from storage.postgres.joint import JointQuestions
from storage.postgres.pools import Pool
from storage.postgres.snapshots import LIVE, is_possible, snapshot_of, text_of

MOST_ROWS = 20_000
"""News tell of so many rows at once at most."""

_MOST_ROWS_TOGETHER = 3 * MOST_ROWS  # of one statement; beyond, nobody who asked in it is told anything
_MOST_QUESTIONS = 1000
_ROWS_PER_PART = 500  # what the event loop takes in in about a millisecond

# Each arm has a LIMIT, so that it is a descent of its own: joined otherwise, a planner that knows no better reads the
# whole table.
_ARM = f"""(
    SELECT {{columns}} FROM ringward.{{table}} WHERE tenant = asked.tenant AND {{condition}} LIMIT {MOST_ROWS + 1}
)"""  # noqa: S608 - names are constants
_TUPLE = "number, entity_type, entity_id, relation, subject_type, subject_id, subject_relation"
_ATTRIBUTE = "number, entity_type, entity_id, name, NULL, NULL, NULL"
# Said twice, so that the planner expects few: of a table loaded by few transactions it would read the whole for "=", of
# one that was empty all of the tenant for BETWEEN.
_CREATED = "created = number AND created BETWEEN number AND number"
_EXPIRED = f"expired = number AND expired BETWEEN number AND number AND expired < '{LIVE}'"
_ARMS = " UNION ALL ".join(
    _ARM.format(columns=columns, table=table, condition=condition)
    for columns, table in ((_TUPLE, "tuples"), (_ATTRIBUTE, "attributes"))
    for condition in (_CREATED, _EXPIRED)
)
_TOUCHED = f"""
WITH asked AS MATERIALIZED (
    SELECT place, tenant, since, {UNSEEN.format(condition="AND pg_visible_in_snapshot(id, asked.head)")} AS numbers
    FROM (
        SELECT tenant, since::pg_snapshot AS since, head::pg_snapshot AS head, place
        FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS given (tenant, since, head, place)
    ) AS asked
)
SELECT place, numbers, {HISTORY} AS history, (SELECT snapshot FROM ringward.horizon) AS horizon,
    EXISTS (
        SELECT FROM ringward.deletions_of_tenants
        WHERE tenant = asked.tenant AND NOT pg_visible_in_snapshot(id, asked.since)
    ) AS is_deleted,
    NULL::xid8 AS number, NULL, NULL, NULL, NULL, NULL, NULL
FROM asked
UNION ALL (
    SELECT place, NULL, NULL, NULL, NULL, touched.*
    FROM asked CROSS JOIN LATERAL (
        SELECT arm.* FROM unnest(asked.numbers) AS number CROSS JOIN LATERAL ({_ARMS}) AS arm LIMIT {MOST_ROWS + 1}
    ) AS touched
    WHERE cardinality(asked.numbers) <= {MOST_TRANSACTIONS}
    LIMIT {_MOST_ROWS_TOGETHER + 1}
)
"""  # noqa: S608 - names are constants


class _Question(NamedTuple):
    """What was touched between two snapshots, both of one history, the later one covering the earlier."""

    tenant: str
    since: Snapshot
    head: Snapshot
    history: str


class NewsReader:
    """Reads news from the server that takes writes."""

    def __init__(self, heads: Heads, writer: Pool) -> None:
        self._heads = heads
        self._writer = writer
        # one at a time, so that of all who come together only the first leads, and the others go along
        self._joint = JointQuestions(self._read, at_once=1, most=_MOST_QUESTIONS)

    async def news(self, tenant: str, since: Snapshot | None) -> News:
        """See Storage. Raises as ``Heads.sight``."""
        sight, is_whole = await self._heads.sight(tenant, since)
        head = sight.head
        if is_whole or since is None or not is_possible(since) or not head.snapshot.covers(since):
            return sight
        answers = await self._joint.ask([_Question(tenant, since, head.snapshot, sight.history)])
        assert answers is not None, "news that are too much are told as such, one by one"
        return News(head, sight.history, answers[0])

    async def _read(self, questions: Sequence[_Question]) -> Sequence[Sequence[Touch] | None]:
        asked = list(dict.fromkeys(questions))
        rows = await self._writer.fetch(
            _TOUCHED,
            [question.tenant for question in asked],
            [text_of(question.since) for question in asked],
            [text_of(question.head) for question in asked],
        )
        if len(rows) > len(asked) + _MOST_ROWS_TOGETHER:
            return [None] * len(questions)
        found = [_Touched(question) for question in asked]
        for start in range(0, len(rows), _ROWS_PER_PART):
            if start:
                await asyncio.sleep(0)
            for row in rows[start : start + _ROWS_PER_PART]:
                found[row["place"] - 1].add(row)
        told = {touched.question: touched.told() for touched in found}
        return [told[question] for question in questions]


class _Touched:
    """What the rows for one question tell, put together."""

    def __init__(self, question: _Question) -> None:
        self.question = question
        self._numbers: Sequence[int] = ()
        self._is_whole = False
        self._rows = 0
        self._items: dict[int, dict[RelationTuple | EntityAttribute, None]] = {}

    def add(self, row: asyncpg.Record) -> None:
        """Take in a row of _TOUCHED: the one with the proof, or one of those with what was touched."""
        if row["numbers"] is not None:
            self._numbers, self._is_whole = row["numbers"], self._is_proven(row)
            return
        number, entity_type, entity_id, name, *subject = row[5:]
        item = (
            EntityAttribute(entity_type, entity_id, name)
            if subject[0] is None
            else RelationTuple(entity_type, entity_id, name, *subject)
        )
        self._items.setdefault(number, {})[item] = None
        self._rows += 1

    def told(self) -> Sequence[Touch] | None:
        """What each transaction touched, in order of ids."""
        if not self._is_whole or self._rows > MOST_ROWS:
            return None
        return [Touch(number, tuple(self._items.get(number, ()))) for number in sorted(self._numbers)]

    def _is_proven(self, row: asyncpg.Record) -> bool:
        """True if the rows are all there are."""
        return (
            len(row["numbers"]) <= MOST_TRANSACTIONS
            and row["history"] == self.question.history
            and not row["is_deleted"]
            and self.question.since.covers(snapshot_of(row["horizon"]))
        )
