"""The invoker: what every request goes through on its way to an answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cluster.invoker.answers import Answered
from cluster.invoker.local import LocalAnswers
from cluster.invoker.pins import Pinned, Pins
from engine.expand import expand
from engine.lookup_entities import lookup_entities
from engine.lookup_subjects import lookup_subjects
from engine.names import definition_of
from engine.plan import Plan
from model.check import CheckAnswer, CheckRequest, PermissionsRequest, Question
from model.expand import ExpandRequest, Expansion
from model.lookup import EntitiesRequest, SubjectsRequest
from model.snapshot import Snapshot
from storage.base import SnapshotReader


@dataclass(frozen=True, slots=True)
class Lookup:
    """A list of ids in the making, and what it is answered at; whoever leaves it early closes ``ids``."""

    pinned: Pinned
    ids: AsyncGenerator[str]


class Checks(Protocol):
    """Answers checks: this node alone, or it and others."""

    async def answer(self, request: CheckRequest) -> Answered:
        """Answer at the request's token and version, else at head and the latest."""


class Invoker:
    """Answers requests. checks: who answers checks; all else is answered from the store, on this node."""

    def __init__(self, reader: SnapshotReader, pins: Pins, local: LocalAnswers, checks: Checks) -> None:
        self._reader = reader
        self._pins = pins
        self._local = local
        self._checks = checks

    async def check(self, request: CheckRequest) -> Sequence[CheckAnswer]:
        """One answer per question, in order, all at one snapshot. For errors see ``engine.check`` and ``Pins.pin``."""
        return (await self._checks.answer(request)).answers

    async def permissions(self, request: PermissionsRequest) -> dict[str, CheckAnswer]:
        """An answer for each permission, then each relation if wanted, all at one snapshot; in order of declaration.

        The contract counts the questions themselves as no level of depth. Raises NotFound for an unknown type.
        """
        pinned = await self._pins.pin(request.tenant, request.snap_token, request.schema_version)
        definition = definition_of(pinned.plan.schema, request.entity.type)
        names = (*definition.permissions, *(definition.relations if request.with_relations else ()))
        questions = tuple(Question(request.entity, name, request.subject) for name in names)
        together = CheckRequest(request.tenant, questions, request.depth + 1, context=request.context)
        return dict(zip(names, (await self._local.answer_at(pinned, together)).answers, strict=True))

    async def expand(self, request: ExpandRequest) -> Expansion:
        """The tree of a permission. For errors see ``engine.expand`` and ``Pins.pin``."""
        pinned = await self._pins.pin(request.tenant, request.snap_token, request.schema_version)
        return await expand(self._reader, pinned.plan.schema, pinned.snapshot, request)

    async def entities(self, request: EntitiesRequest, *, about: int) -> Lookup:
        """Ids of entities; about so many are awaited. For errors see ``engine.lookup_entities`` and ``Pins.pin``."""
        pinned = await self._pins.pin(request.tenant, request.snap_token, request.schema_version)
        ids = lookup_entities(self._reader, pinned.plan, pinned.snapshot, request, about=about)
        return Lookup(pinned, ids)

    async def subjects(self, request: SubjectsRequest, *, about: int) -> Lookup:
        """Ids of subjects; about so many are awaited. For errors see ``engine.lookup_subjects`` and ``Pins.pin``."""
        pinned = await self._pins.pin(request.tenant, request.snap_token, request.schema_version)
        ids = lookup_subjects(self._reader, pinned.plan, pinned.snapshot, request, about=about)
        return Lookup(pinned, ids)

    async def snapshot(self, tenant: str, snap_token: str) -> Snapshot:
        """See ``Pins.snapshot``."""
        return await self._pins.snapshot(tenant, snap_token)

    async def plan(self, tenant: str, schema_version: str) -> Plan:
        """See ``Pins.plan``."""
        return await self._pins.plan(tenant, schema_version)
