"""The invoker: pins the snapshot and the schema version of a request, then has it evaluated."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from engine.catalog import SchemaCatalog
from engine.check import check
from engine.check_many import MANY, check_many
from engine.expand import expand
from engine.lookup_entities import lookup_entities
from engine.lookup_subjects import lookup_subjects
from engine.names import definition_of
from engine.plan import Plan
from model.check import CheckAnswer, CheckRequest, PermissionsRequest, Question
from model.errors import ErrorCode, NotFound
from model.expand import ExpandRequest, Expansion
from model.lookup import EntitiesRequest, SubjectsRequest
from model.snapshot import Snapshot, decode_snap_token
from storage.base import Head, Storage


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a request is answered at; resolved once, and nothing below picks another."""

    snapshot: Snapshot
    schema_version: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Lookup:
    """A list of ids in the making, and what it is answered at; whoever leaves it early closes ``ids``."""

    pinned: Pinned
    ids: AsyncGenerator[str]


class Invoker:
    """Answers requests from the store, on this node."""

    def __init__(self, storage: Storage, catalog: SchemaCatalog) -> None:
        self._storage = storage
        self._catalog = catalog

    async def check(self, request: CheckRequest) -> tuple[CheckAnswer, ...]:
        """One answer per question, in order, all at one snapshot. For errors see ``engine.check`` and ``pin``."""
        pinned = await self.pin(request.tenant, request.snap_token, request.schema_version)
        ask = check if len(request.questions) < MANY else check_many
        return await ask(self._storage, pinned.plan, pinned.snapshot, request)

    async def permissions(self, request: PermissionsRequest) -> dict[str, CheckAnswer]:
        """An answer for each permission, then each relation if wanted, all at one snapshot; in order of declaration.

        The contract counts the questions themselves as no level of depth. Raises NotFound for an unknown type.
        """
        pinned = await self.pin(request.tenant, request.snap_token, request.schema_version)
        definition = definition_of(pinned.plan.schema, request.entity.type)
        names = (*definition.permissions, *(definition.relations if request.with_relations else ()))
        questions = tuple(Question(request.entity, name, request.subject) for name in names)
        together = CheckRequest(request.tenant, questions, request.depth + 1, context=request.context)
        return dict(zip(names, await check(self._storage, pinned.plan, pinned.snapshot, together), strict=True))

    async def expand(self, request: ExpandRequest) -> Expansion:
        """The tree of a permission. For errors see ``engine.expand`` and ``pin``."""
        pinned = await self.pin(request.tenant, request.snap_token, request.schema_version)
        return await expand(self._storage, pinned.plan.schema, pinned.snapshot, request)

    async def entities(self, request: EntitiesRequest, *, about: int) -> Lookup:
        """Ids of entities; about so many are awaited. For errors see ``engine.lookup_entities`` and ``pin``."""
        pinned = await self.pin(request.tenant, request.snap_token, request.schema_version)
        ids = lookup_entities(self._storage, pinned.plan, pinned.snapshot, request, about=about)
        return Lookup(pinned, ids)

    async def subjects(self, request: SubjectsRequest, *, about: int) -> Lookup:
        """Ids of subjects; about so many are awaited. For errors see ``engine.lookup_subjects`` and ``pin``."""
        pinned = await self.pin(request.tenant, request.snap_token, request.schema_version)
        ids = lookup_subjects(self._storage, pinned.plan, pinned.snapshot, request, about=about)
        return Lookup(pinned, ids)

    async def pin(self, tenant: str, snap_token: str, schema_version: str) -> Pinned:
        """The snapshot of the token, else head, and the plan of the version, else of the latest.

        Head is read after the call, so it sees every write acknowledged before. Raises InvalidRequest for a malformed
        token and NotFound (SCHEMA_NOT_FOUND) if there is no such schema.
        """
        if snap_token and schema_version:
            snapshot, version = decode_snap_token(snap_token), schema_version
        else:
            head = await self._storage.head(tenant)
            snapshot = decode_snap_token(snap_token) if snap_token else head.snapshot
            version = schema_version or latest_version(tenant, head)
        return Pinned(snapshot, version, await self._catalog.plan(tenant, version))

    async def snapshot(self, tenant: str, snap_token: str) -> Snapshot:
        """The snapshot of the token, else head, as in ``pin``."""
        return decode_snap_token(snap_token) if snap_token else (await self._storage.head(tenant)).snapshot

    async def plan(self, tenant: str, schema_version: str) -> Plan:
        """The plan of the version, else of the latest, as in ``pin``."""
        version = schema_version or latest_version(tenant, await self._storage.head(tenant))
        return await self._catalog.plan(tenant, version)


def latest_version(tenant: str, head: Head) -> str:
    """The tenant's latest schema version. Raises NotFound (SCHEMA_NOT_FOUND) if it never wrote one."""
    if not head.schema_version:
        raise NotFound(f"tenant {tenant!r} has no schema", ErrorCode.SCHEMA_NOT_FOUND)
    return head.schema_version
