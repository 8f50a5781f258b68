"""LookupSubject: which subjects may act on an entity, in order of id.

The rules over the entity become equations over sets of subjects (``engine/subject_rules.py``). Whether a subject is in
a set depends on that subject alone, so the equations are solved window of ids by window of ids, with the subjects that
relations hold directly listed for each; memory holds the equations and one window, however long the list is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import NamedTuple

from engine.check import check
from engine.names import definition_of, has_member, unknown_member
from engine.overlay import overlay_of
from engine.plan import Plan
from engine.subject_rules import Direct, Place, SubjectRules, subject_rules
from engine.subject_sets import Extent
from engine.subject_solution import SubjectSolution
from model.check import CheckRequest, Question, Verdict
from model.lookup import SubjectsRequest
from model.snapshot import Snapshot
from model.tuples import SubjectRef
from schema.compiled import Target
from storage.base import Holders, KnownSubjects, Listing, SnapshotReader, Stretch

_LEAST_WINDOW = 64
_MOST_WINDOW = 1000
_DEEP = 100_000  # the contract gives lookups of subjects no bound on depth; engine.walk bounds the nodes


async def lookup_subjects(
    reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: SubjectsRequest, *, about: int
) -> AsyncGenerator[str]:
    """Ids in byte order, without repetition, each exactly if a check of it allows; about: how many are awaited.

    Where everybody is allowed, subjects are those that occur in tuples at the snapshot or in the context. One whose
    check fails ends the list with that error where it would stand, and what breaks the walk as a whole is raised as in
    ``engine.check``; so a list that ends is complete. Raises NotFound for an unknown type or member, LimitExceeded
    where the way leads to too many places.
    """
    definition = definition_of(plan.schema, request.entity.type)
    if not has_member(definition, request.permission):
        raise unknown_member(plan.schema, request.entity.type, request.permission)
    lookup = await _Lookup.of(reader, plan, snapshot, request)
    through: str | None = request.beyond
    while through is not None:
        window = await lookup.window(through, min(max(about, _LEAST_WINDOW), _MOST_WINDOW))
        extent = window.extent
        for found in window.candidates:
            if extent.certain.has(found) or (extent.possible.has(found) and await lookup.is_allowed(found)):
                yield found
        through = window.through


class _Window(NamedTuple):
    """Subjects beyond one id and through another, None at the end, in order; and who of them is allowed."""

    candidates: list[str]
    extent: Extent
    through: str | None


class _Lookup:
    def __init__(
        self, reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: SubjectsRequest, rules: SubjectRules
    ) -> None:
        self._reader = reader
        self._plan = plan
        self._snapshot = snapshot
        self._request = request
        self._rules = rules
        self._solution = SubjectSolution(rules)

    @classmethod
    async def of(cls, reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: SubjectsRequest) -> _Lookup:
        """The lookup with its equations."""
        read = partial(reader.read, request.tenant, snapshot)
        sort = Target(request.subject_type, request.subject_relation)
        overlay = overlay_of(request.context, plan.schema)
        rules = await subject_rules(read, plan, sort, overlay, _place(request))
        return cls(reader, plan, snapshot, request, rules)

    async def window(self, beyond: str, about: int) -> _Window:
        """The subjects of the next window."""
        request = self._request
        stored = [direct for direct in self._rules.direct if direct.is_stored]
        sort = (request.subject_type, request.subject_relation)
        stretches = await self._list_ids([Holders(*direct.relation, *sort) for direct in stored], beyond, about)
        ends = [stretch.through for stretch in stretches if stretch.through is not None]
        holding: dict[Direct, frozenset[str]] = {direct: direct.given for direct in self._rules.direct}
        for direct, stretch in zip(stored, stretches, strict=True):
            holding[direct] |= frozenset(stretch.ids)
        extent = await self._solution.at(_place(request), holding)
        candidates = set(extent.possible.ids)
        if extent.possible.is_rest:
            (known,) = await self._list_ids([KnownSubjects(*sort)], beyond, about)
            ends += [] if known.through is None else [known.through]
            candidates.update(known.ids, *holding.values(), self._named_by_context())
        through = min(ends, default=None)
        within = (found for found in candidates if beyond < found and (through is None or found <= through))
        return _Window(sorted(within), extent, through)

    async def is_allowed(self, subject_id: str) -> bool:
        """What a check of one subject says; raises what keeps it from being decided."""
        request = self._request
        subject = SubjectRef(request.subject_type, subject_id, request.subject_relation)
        question = Question(request.entity, request.permission, subject)
        alone = CheckRequest(request.tenant, (question,), _DEEP, context=request.context)
        (answer,) = await check(self._reader, self._plan, self._snapshot, alone)
        return answer.verdict() is Verdict.ALLOWED

    def _named_by_context(self) -> set[str]:
        request = self._request
        rows = request.context.tuples
        sort = (request.subject_type, request.subject_relation)
        return {row.subject_id for row in rows if (row.subject_type, row.subject_relation) == sort}

    async def _list_ids(self, listings: list[Listing], beyond: str, about: int) -> list[Stretch]:
        if not listings:
            return []
        tenant = self._request.tenant
        return list(await self._reader.list_ids(tenant, self._snapshot, listings, beyond=beyond, about=about))


def _place(request: SubjectsRequest) -> Place:
    return (*request.entity, request.permission)
