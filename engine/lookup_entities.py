"""LookupEntity: which entities of a type may a subject act on, in order of id.

The stations come first (``engine/closure.py``), then the goal window by window (``engine/windows.py``); what neither
is sure of is checked like any other question. Memory holds the stations and one window, however long the list is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence

from engine.backwards import leaves, read_backwards
from engine.check import check
from engine.closure import Closure
from engine.names import definition_of, has_member, unknown_member
from engine.offers import Ids, Offers
from engine.overlay import overlay_of
from engine.plan import Plan
from engine.windows import GivenWindows, Windows
from model.check import CheckAnswer, CheckRequest, Question, Verdict
from model.errors import AuthzError
from model.lookup import EntitiesRequest
from model.snapshot import Snapshot
from model.tuples import EntityRef
from storage.base import Listing, SnapshotReader, Stretch

_CHECKS_TOGETHER = 200
_LEAST_WINDOW = 64
_MOST_WINDOW = 1000


async def lookup_entities(
    reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: EntitiesRequest, *, about: int
) -> AsyncGenerator[str]:
    """Ids in byte order, without repetition, each exactly if a check of it allows; about: how many are awaited.

    Entities are those known at the snapshot or named by the request. One whose check fails ends the list with that
    error where it would stand, and what breaks the walk as a whole is raised as in ``engine.check``; so a list that
    ends is complete. Raises NotFound for an unknown type or member, LimitExceeded where the way passes too many.
    """
    definition = definition_of(plan.schema, request.entity_type)
    if not has_member(definition, request.permission):
        raise unknown_member(plan.schema, request.entity_type, request.permission)
    lookup = _Lookup(reader, plan, snapshot, request)
    windows = await lookup.windows()
    through: str | None = request.beyond
    while through is not None:
        ids, through = await windows.following(through, min(max(about, _LEAST_WINDOW), _MOST_WINDOW))
        for part in _parts_of(sorted(ids.sure | ids.unsure)):
            unsure = [found for found in part if found in ids.unsure]
            answers = await lookup.check(request.entity_type, request.permission, unsure)
            for found in part:
                if found in ids.sure or answers[found].verdict() is Verdict.ALLOWED:
                    yield found


class _Lookup:
    """One request's way of listing and of checking."""

    def __init__(self, reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: EntitiesRequest) -> None:
        self._reader = reader
        self._plan = plan
        self._snapshot = snapshot
        self._request = request

    async def windows(self) -> Windows | GivenWindows:
        """The windows over the goal, every station found."""
        request = self._request
        goal = (request.entity_type, request.permission)
        overlay = overlay_of(request.context, self._plan.schema)
        backwards = read_backwards(self._plan, goal, request.subject, overlay)
        if request.scope.keys() == {request.entity_type} and all(kind != goal[0] for kind, _ in backwards.stations):
            return GivenWindows(request.scope[request.entity_type])  # the way there is free: nobody else qualifies
        offers = Offers(self._plan.schema, request.subject, overlay)
        closure = Closure(backwards, offers, self._list_ids, self._decide, request.scope)
        stations = await closure.stations()
        return Windows(
            backwards.goal,
            {leaf: offers.of(leaf, stations) for leaf in leaves(backwards.goal)},
            self._list_ids,
            scope=request.scope.get(request.entity_type),
            is_restricted=bool(request.scope),
        )

    async def check(self, entity_type: str, name: str, ids: Sequence[str]) -> dict[str, CheckAnswer]:
        """The answer for each id. The question itself counts as no level of depth, as the contract has it."""
        if not ids:
            return {}
        request = self._request
        questions = [Question(EntityRef(entity_type, found), name, request.subject) for found in ids]
        together = CheckRequest(request.tenant, questions, request.depth + 1, context=request.context)
        answers = await check(self._reader, self._plan, self._snapshot, together)
        return dict(zip(ids, answers, strict=True))

    async def _decide(self, entity_type: str, name: str, ids: Sequence[str]) -> Ids:
        decided = Ids()
        for part in _parts_of(ids):
            answers = await self.check(entity_type, name, part)
            decided.sure.update(found for found, answer in answers.items() if answer.outcome is Verdict.ALLOWED)
            decided.unsure.update(found for found, answer in answers.items() if isinstance(answer.outcome, AuthzError))
        return decided

    async def _list_ids(self, listings: Sequence[Listing], beyond: str, about: int) -> Sequence[Stretch]:
        tenant = self._request.tenant
        return await self._reader.list_ids(tenant, self._snapshot, listings, beyond=beyond, about=about)


def _parts_of(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHECKS_TOGETHER):
        yield ids[start : start + _CHECKS_TOGETHER]
