"""Many questions about what one subject may do: a page of documents, each with the same question.

The entities such questions lead to overlap less than the ways from the subject to them: its groups and the folders
those may see are few, the folders above a hundred documents are many. So the ways are followed backwards once, as in a
lookup, within a budget; what that does not settle is checked as usual.
"""

from __future__ import annotations

from dataclasses import replace

from engine.check import check
from engine.entity_search import EntitySearch
from engine.plan import Plan
from engine.tally import Tally
from engine.windows import Windows
from model.check import CheckAnswer, CheckRequest, Verdict
from model.errors import LimitExceeded
from model.lookup import EntitiesRequest
from model.snapshot import Snapshot
from model.tuples import SubjectRef
from storage.base import SnapshotReader

MANY = 10
"""Questions of one sort from which on the ways are followed backwards; bench/lists_cost.py."""

_IDS_PER_QUESTION = 10  # what may be passed on the way backwards; more costs as much as checking

_Sort = tuple[SubjectRef, str, str]


async def check_many(
    reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: CheckRequest, tally: Tally | None = None
) -> tuple[CheckAnswer, ...]:
    """As ``engine.check``. A question settled backwards counts as one and needs no depth."""
    sorts: dict[_Sort, list[int]] = {}
    for number, question in enumerate(request.questions):
        sorts.setdefault((question.subject, question.entity.type, question.permission), []).append(number)
    answers: dict[int, CheckAnswer] = {}
    for sort, numbers in sorts.items():
        if len(numbers) >= MANY and (sort[1], sort[2]) in plan.schema.reach:
            asked = replace(request, questions=tuple(request.questions[number] for number in numbers))
            verdicts = await _verdicts(reader, plan, snapshot, asked, tally)
            settled = ((number, verdicts.get(request.questions[number].entity.id)) for number in numbers)
            answers |= {number: CheckAnswer(verdict, 1) for number, verdict in settled if verdict is not None}
    open_numbers = [number for number in range(len(request.questions)) if number not in answers]
    if open_numbers:
        rest = replace(request, questions=tuple(request.questions[number] for number in open_numbers))
        answers |= zip(open_numbers, await check(reader, plan, snapshot, rest, tally), strict=True)
    return tuple(answers[number] for number in range(len(request.questions)))


async def _verdicts(
    reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: CheckRequest, tally: Tally | None
) -> dict[str, Verdict]:
    """Verdicts on questions of one sort that can be had backwards, by entity id; none if that passes too many."""
    one = request.questions[0]
    asked = EntitiesRequest(
        request.tenant, one.entity.type, one.permission, one.subject, request.depth, context=request.context
    )
    named = {question.entity for question in request.questions}
    most_ids = _IDS_PER_QUESTION * len(request.questions)
    search = EntitySearch(reader, plan, snapshot, asked, most_ids=most_ids, named=named, tally=tally)
    try:
        windows = await search.windows()
    except LimitExceeded:
        return {}
    assert isinstance(windows, Windows), "nothing restricts the search"
    candidates = {entity.id for entity in named}
    ids = await windows.over(candidates)
    denied = candidates - ids.sure - ids.unsure
    return dict.fromkeys(ids.sure, Verdict.ALLOWED) | dict.fromkeys(denied, Verdict.DENIED)
