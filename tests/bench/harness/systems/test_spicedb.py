"""SpiceDB's adapter, against a server in this process that speaks authzed's API and answers by our own engine."""

# ruff: noqa: N802 - methods are named by the API
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from bench.harness.ports import CallFailed, Check, Place, Write
from bench.harness.systems.authzed_types import v1
from bench.harness.systems.database import Database
from bench.harness.systems.spicedb import SpiceDb, SpiceDbLaunch
from bench.harness.systems.spicedb_endpoint import SpiceDbEndpoint
from bench.harness.systems.spicedb_schema import spicedb_schema
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef
from tests.bench.harness.systems.asking import ANN, PLAN, agrees, answers_all, status_of, takes_writes
from tests.bench.harness.systems.small_dataset import SCHEMA, SmallDataset, Store

# Not by import statements, which would come first: authzed can be imported once authzed_types has been.
authzed_grpc: Any = import_module("authzed.api.v1.permission_service_pb2_grpc")
schema_grpc: Any = import_module("authzed.api.v1.schema_service_pb2_grpc")

KEY = "sesame"
HAS = v1.CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION
HAS_NOT = v1.CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION


class FakePermissions(authzed_grpc.PermissionsServiceServicer):  # type: ignore[misc]  # it has no types
    """Keeps relationships, whole and in the order written; refuses whoever has not the key or wants stale answers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.updates: list[int] = []

    async def WriteRelationships(self, request: Any, context: Any) -> Any:
        await _admit(context)
        self.updates.append(len(request.updates))
        for update in request.updates:
            assert update.operation == v1.RelationshipUpdate.OPERATION_TOUCH
            row = update.relationship
            self.store.write(RelationTuple(*_entity(row.resource), row.relation, *_subject(row.subject)))
        return v1.WriteRelationshipsResponse()

    async def DeleteRelationships(self, request: Any, context: Any) -> Any:
        await _admit(context)
        kind = request.relationship_filter.resource_type
        for row in [row for row in self.store.rows if row.entity_type == kind]:
            del self.store.rows[row]
        return v1.DeleteRelationshipsResponse()

    async def CheckPermission(self, request: Any, context: Any) -> Any:
        await _admit(context)
        assert request.consistency.fully_consistent
        (allowed,) = await self.store.allowed([_question(request)])
        return v1.CheckPermissionResponse(permissionship=HAS if allowed else HAS_NOT)

    async def CheckBulkPermissions(self, request: Any, context: Any) -> Any:
        await _admit(context)
        assert request.consistency.fully_consistent
        allowed = await self.store.allowed([_question(item) for item in request.items])
        items = [v1.CheckBulkPermissionsResponseItem(permissionship=HAS if yes else HAS_NOT) for yes in allowed]
        return v1.CheckBulkPermissionsResponse(pairs=[v1.CheckBulkPermissionsPair(item=item) for item in items])

    async def LookupResources(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await _admit(context)
        assert request.consistency.fully_consistent
        subject = _subject(request.subject)
        for name in await self.store.entities(request.resource_object_type, request.permission, subject):
            yield v1.LookupResourcesResponse(resource_object_id=name)

    async def LookupSubjects(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await _admit(context)
        assert request.consistency.fully_consistent
        entity = _entity(request.resource)
        for name in await self.store.subjects(entity, request.permission, request.subject_object_type):
            found = v1.LookupSubjectsResponse()
            found.subject.subject_object_id = name
            yield found


class FakeSchema(schema_grpc.SchemaServiceServicer):  # type: ignore[misc]  # it has no types
    """Keeps the schema; will not take another while there are relationships."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.written: list[str] = []

    async def WriteSchema(self, request: Any, context: Any) -> Any:
        await _admit(context)
        if self.store.rows:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "there are relationships under the schema")
        self.written.append(request.schema)
        return v1.WriteSchemaResponse()


class FakeSpiceDb:
    """A server at an address."""

    def __init__(self, address: str, permissions: FakePermissions, schema: FakeSchema) -> None:
        self.address = address
        self.permissions = permissions
        self.schema = schema

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[FakeSpiceDb]:
        store = Store()
        permissions, schema = FakePermissions(store), FakeSchema(store)
        server = grpc.aio.server()
        authzed_grpc.add_PermissionsServiceServicer_to_server(permissions, server)
        schema_grpc.add_SchemaServiceServicer_to_server(schema, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield cls(f"127.0.0.1:{port}", permissions, schema)
        finally:
            await server.stop(None)


@asynccontextmanager
async def launched(fake: FakeSpiceDb, folder: Path) -> AsyncIterator[SpiceDb]:
    with Database() as database:
        async with SpiceDbLaunch(fake.address, KEY).started(Place(folder, database)) as system:
            yield system


async def test_all_that_spicedb_can_be_asked_is_answered_through_its_api(tmp_path: Path) -> None:
    async with FakeSpiceDb.serving() as fake, launched(fake, tmp_path) as system:
        endpoint = await answers_all(system, SpiceDbLaunch(fake.address).abilities)
        await takes_writes(endpoint)
        assert fake.schema.written == [spicedb_schema(SCHEMA)]


async def test_what_was_loaded_is_forgotten_before_the_next_and_at_the_end(tmp_path: Path) -> None:
    async with FakeSpiceDb.serving() as fake:
        async with launched(fake, tmp_path) as system:
            await system.load(SmallDataset())
            endpoint = await system.load(SmallDataset(rows=(RelationTuple("folder", "top", "owner", "user", "ann"),)))
            await agrees(endpoint, [Check(Question(EntityRef("folder", "top"), "view", ANN))], [True])
            assert len(fake.permissions.store.rows) == 1
        assert not fake.permissions.store.rows


async def test_many_relationships_are_written_in_batches(tmp_path: Path) -> None:
    rows = tuple(RelationTuple("group", "all", "member", "user", f"u{number}") for number in range(1_200))
    async with FakeSpiceDb.serving() as fake, launched(fake, tmp_path) as system:
        await system.load(SmallDataset(rows=rows))
        assert sorted(fake.permissions.updates) == [200, 500, 500]
        assert set(fake.permissions.store.rows) == set(rows)


async def test_a_wrong_key_fails_by_the_name_of_the_status() -> None:
    async with FakeSpiceDb.serving() as fake:
        endpoint = SpiceDbEndpoint((fake.address,), "open")
        assert await status_of(endpoint, Check(Question(PLAN, "view", ANN))) == "UNAUTHENTICATED"


async def test_a_load_that_is_refused_fails(tmp_path: Path) -> None:
    async with FakeSpiceDb.serving() as fake, launched(fake, tmp_path) as system:
        fake.permissions.store.write(RelationTuple("folder", "top", "owner", "user", "ann"))
        with pytest.raises(CallFailed, match="there are relationships"):
            await system.load(SmallDataset())


async def test_attributes_and_contextual_tuples_are_beyond_it() -> None:
    system = SpiceDb("127.0.0.1:1", {}, "unknown", "")
    attributes = (Attribute.parse("document:plan$public|boolean:true"),)
    with pytest.raises(ValueError, match="no attributes"):
        await system.load(SmallDataset(given=attributes))
    ask = Check(Question(PLAN, "view", ANN), (RelationTuple("group", "all", "member", "user", "ann"),))
    with pytest.raises(ValueError, match="no contextual tuples"):
        SpiceDbEndpoint(("127.0.0.1:1",), KEY).request(ask)


def test_a_reply_that_is_no_verdict_is_not_taken_for_one() -> None:
    endpoint = SpiceDbEndpoint(("127.0.0.1:1",), KEY)
    ask = Check(Question(PLAN, "view", ANN), expected=True)
    request = endpoint.request(ask)
    assert request.check is not None
    nothing = v1.CheckPermissionResponse().SerializeToString()
    yes, no = (v1.CheckPermissionResponse(permissionship=it).SerializeToString() for it in (HAS, HAS_NOT))
    assert [request.check(reply) for reply in ([nothing], [yes], [no], [b"\xff"], [], [yes, yes])] == [
        *(False, True),
        *(False, False, False, False),
    ]
    with pytest.raises(ValueError, match="no verdict"):
        endpoint.answer(ask, [nothing])


def test_writes_beside_what_is_measured_are_not_timed() -> None:
    endpoint = SpiceDbEndpoint(("127.0.0.1:1",), KEY)
    row = RelationTuple("group", "all", "member", "user", "ann")
    assert endpoint.request(Write((row,))).timed
    assert not endpoint.request(Write((row,), aside=True)).timed


def test_a_schema_is_told_in_the_language_of_spicedb() -> None:
    assert (
        spicedb_schema(SCHEMA)
        == """definition user {
}

definition group {
  relation member: user | group#member
}

definition folder {
  relation parent: folder
  relation owner: user
  relation viewer: user | group#member
  permission view = (viewer + owner) + parent->view
}

definition document {
  relation parent: folder
  relation blocked: user | group#member
  relation cleared: user
  permission view = parent->view - blocked
  permission sign = view & (cleared - blocked)
}"""
    )


def test_a_schema_with_attributes_is_refused() -> None:
    with pytest.raises(ValueError, match="SpiceDB has no ComputedAttribute"):
        spicedb_schema("entity user {}\nentity document {\n attribute public boolean\n permission view = public\n}")


async def _admit(context: Any) -> None:
    if dict(context.invocation_metadata()).get("authorization") != f"Bearer {KEY}":
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who is that?")


def _question(request: Any) -> Question:
    return Question(_entity(request.resource), request.permission, _subject(request.subject))


def _entity(found: Any) -> EntityRef:
    return EntityRef(found.object_type, found.object_id)


def _subject(found: Any) -> SubjectRef:
    return SubjectRef(*_entity(found.object), found.optional_relation)
