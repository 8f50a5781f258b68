"""LookupEntity: which entities of a type may a subject act on, in order of id.

The stations come first (``engine/closure.py``), then the goal window by window (``engine/windows.py``); what neither
is sure of is checked like any other question. Memory holds the stations and one window, however long the list is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from engine.closure import MOST_IDS
from engine.entity_search import EntitySearch, parts_of
from engine.names import definition_of, has_member, unknown_member
from engine.plan import Plan
from model.check import Verdict
from model.lookup import EntitiesRequest
from model.snapshot import Snapshot
from storage.base import SnapshotReader


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
    search = EntitySearch(reader, plan, snapshot, request, most_ids=MOST_IDS)
    windows = await search.windows()
    through: str | None = request.beyond
    while through is not None:
        ids, through = await windows.following(through, about)
        for part in parts_of(sorted(ids.sure | ids.unsure)):
            unsure = [found for found in part if found in ids.unsure]
            answers = await search.check(request.entity_type, request.permission, unsure)
            for found in part:
                if found in ids.sure or answers[found].verdict() is Verdict.ALLOWED:
                    yield found
