"""OpenFGA's adapter, against a server in this process that speaks its HTTP API and answers by our own engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openfga_sdk import ApiClient, Configuration, models

from bench.harness.ports import Ask, BulkCheck, CallFailed, Check, LookupEntities, LookupSubjects, Place, Write
from bench.harness.systems.database import Database
from bench.harness.systems.openfga import OpenFga, OpenFgaLaunch
from bench.harness.systems.openfga_endpoint import OpenFgaEndpoint
from bench.harness.systems.openfga_model import openfga_model
from bench.workload import DRIVE_SCHEMA
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef
from tests.bench.harness.systems.asking import ANN, PLAN, answers_all, status_of, takes_writes
from tests.bench.harness.systems.small_dataset import SCHEMA, SmallDataset, Store
from tests.support.processes import free_port

ROW = RelationTuple("document", "plan", "viewer", "group", "all", "member")
CONFIGURATION = Configuration(api_url="http://127.0.0.1:1")
NOWHERE = OpenFgaEndpoint(("127.0.0.1:1",), "store", "model")


class FakeOpenFga:
    """Stores by id, each with a model; refuses what names another model, and a tuple twice in one write."""

    def __init__(self) -> None:
        self.address = ""
        self.takes_models = True
        self.stores: list[Store] = []
        self.models: list[Any] = []
        self.writes: list[int] = []

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[FakeOpenFga]:
        fake, port = cls(), free_port()
        app = web.Application()
        app.router.add_post("/stores", fake.create_store)
        app.router.add_post("/stores/{store}/authorization-models", fake.write_model)
        for path in ("check", "batch-check", "list-objects", "list-users", "write"):
            app.router.add_post(f"/stores/{{store}}/{path}", getattr(fake, path.replace("-", "_")))
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        fake.address = f"127.0.0.1:{port}"
        try:
            yield fake
        finally:
            await runner.cleanup()

    async def create_store(self, request: web.Request) -> web.Response:
        self.stores.append(Store())
        name = (await request.json())["name"]
        times = {"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}
        return web.json_response({"id": _id_of(len(self.stores) - 1), "name": name, **times}, status=201)

    async def write_model(self, request: web.Request) -> web.Response:
        if not self.takes_models:
            refusal = {"code": "invalid_authorization_model", "message": "not this one"}
            return web.json_response(refusal, status=400)
        self.models.append(await request.json())
        return web.json_response({"authorization_model_id": _id_of(len(self.models) - 1)}, status=201)

    async def check(self, request: web.Request) -> web.Response:
        store, body = await self._admitted(request)
        context = [_row(key) for key in body.get("contextual_tuples", {}).get("tuple_keys", ())]
        (allowed,) = await store.allowed([_question(body["tuple_key"])], context)
        return web.json_response({"allowed": allowed, "resolution": ""})

    async def batch_check(self, request: web.Request) -> web.Response:
        store, body = await self._admitted(request)
        allowed = await store.allowed([_question(check["tuple_key"]) for check in body["checks"]])
        ids = [check["correlation_id"] for check in body["checks"]]
        result = {name: {"allowed": yes} for name, yes in zip(ids, allowed, strict=True)}
        return web.json_response({"result": dict(sorted(result.items()))})

    async def list_objects(self, request: web.Request) -> web.Response:
        store, body = await self._admitted(request)
        found = await store.entities(body["type"], body["relation"], SubjectRef.parse(body["user"]))
        return web.json_response({"objects": [f"{body['type']}:{name}" for name in found]})

    async def list_users(self, request: web.Request) -> web.Response:
        store, body = await self._admitted(request)
        (users,) = body["user_filters"]
        entity = EntityRef(body["object"]["type"], body["object"]["id"])
        found = await store.subjects(entity, body["relation"], users["type"])
        return web.json_response({"users": [{"object": {"type": users["type"], "id": name}} for name in found]})

    async def write(self, request: web.Request) -> web.Response:
        store, body = await self._admitted(request)
        rows = [_row(key) for key in body["writes"]["tuple_keys"]]
        assert len(set(rows)) == len(rows)
        if body["writes"]["on_duplicate"] != "ignore" and any(row in store.rows for row in rows):
            raise web.HTTPBadRequest(text="cannot write a tuple which already exists")
        self.writes.append(len(rows))
        for row in rows:
            store.write(row)
        return web.json_response({})

    async def _admitted(self, request: web.Request) -> tuple[Store, Any]:
        store, body = request.match_info["store"], await request.json()
        if body["authorization_model_id"] != store:
            raise web.HTTPBadRequest(text="there is no such model")
        return self.stores[[_id_of(number) for number in range(len(self.stores))].index(store)], body


@asynccontextmanager
async def launched(fake: FakeOpenFga, folder: Path) -> AsyncIterator[OpenFga]:
    with Database() as database:
        async with OpenFgaLaunch(fake.address).started(Place(folder, database)) as system:
            yield system


async def test_all_that_openfga_can_be_asked_is_answered_through_its_api(tmp_path: Path) -> None:
    async with FakeOpenFga.serving() as fake, launched(fake, tmp_path) as system:
        endpoint = await answers_all(system, OpenFgaLaunch(fake.address).abilities)
        await takes_writes(endpoint)
        (model,) = fake.models
        assert model == openfga_model(SCHEMA)


async def test_each_load_has_a_store_of_its_own(tmp_path: Path) -> None:
    rows = tuple(RelationTuple("group", "all", "member", "user", f"u{number}") for number in range(700))
    async with FakeOpenFga.serving() as fake, launched(fake, tmp_path) as system:
        await system.load(SmallDataset())
        await system.load(SmallDataset(rows=rows))
        assert [len(store.rows) for store in fake.stores] == [len(SmallDataset().rows), len(rows)]
        assert sorted(fake.writes) == [len(SmallDataset().rows), 200, 500]


async def test_what_the_server_refuses_fails_by_the_http_status(tmp_path: Path) -> None:
    async with FakeOpenFga.serving() as fake, launched(fake, tmp_path) as system:
        endpoint = await system.load(SmallDataset())
        other = OpenFgaEndpoint(endpoint.addresses, endpoint.store, "another")
        assert await status_of(other, Check(Question(PLAN, "view", ANN))) == "HTTP_400"


async def test_a_server_that_is_not_there_fails() -> None:
    assert await status_of(NOWHERE, Check(Question(PLAN, "view", ANN))) == "UNAVAILABLE"


async def test_a_model_that_is_refused_fails_the_load(tmp_path: Path) -> None:
    async with FakeOpenFga.serving() as fake, launched(fake, tmp_path) as system:
        fake.takes_models = False
        with pytest.raises(CallFailed, match="invalid_authorization_model") as failed:
            await system.load(SmallDataset())
        assert failed.value.status == "HTTP"


async def test_a_load_of_a_server_that_is_not_there_fails() -> None:
    with pytest.raises(CallFailed) as failed:
        await OpenFga("127.0.0.1:1", {}, "unknown").load(SmallDataset())
    assert failed.value.status == "UNAVAILABLE"


async def test_attributes_are_beyond_it() -> None:
    system = OpenFga("127.0.0.1:1", {}, "unknown")
    attributes = (Attribute.parse("document:plan$public|boolean:true"),)
    with pytest.raises(ValueError, match="no attributes"):
        await system.load(SmallDataset(given=attributes))
    with pytest.raises(ValueError, match="OpenFGA has no ComputedAttribute"):
        openfga_model("entity user {}\nentity document {\n attribute public boolean\n permission view = public\n}")


def made(kind: str, **values: Any) -> Any:
    """A model of the SDK, which has no types."""
    return getattr(models, kind)(**values, local_vars_configuration=CONFIGURATION)


def question_key() -> Any:
    return made("CheckRequestTupleKey", user="user:ann", relation="view", object="document:plan")


def row_key() -> Any:
    return made("TupleKey", user="group:all#member", relation="viewer", object="document:plan")


MODEL = {"authorization_model_id": NOWHERE.model}
SAME_AS_THE_SDK: list[tuple[Ask, Any]] = [
    (
        Check(Question(PLAN, "view", ANN), (ROW,)),
        made(
            "CheckRequest",
            tuple_key=question_key(),
            contextual_tuples=made("ContextualTupleKeys", tuple_keys=[row_key()]),
            **MODEL,
        ),
    ),
    (
        LookupEntities("document", "view", ANN),
        made("ListObjectsRequest", type="document", relation="view", user="user:ann", **MODEL),
    ),
    (
        LookupSubjects(PLAN, "view", "user"),
        made(
            "ListUsersRequest",
            object=made("FgaObject", type="document", id="plan"),
            relation="view",
            user_filters=[made("UserTypeFilter", type="user")],
            **MODEL,
        ),
    ),
    (
        BulkCheck((Question(PLAN, "view", ANN),)),
        made(
            "BatchCheckRequest",
            checks=[made("BatchCheckItem", tuple_key=question_key(), correlation_id="0")],
            **MODEL,
        ),
    ),
    (
        Write((ROW,)),
        made(
            "WriteRequest",
            writes=made("WriteRequestWrites", tuple_keys=[row_key()], on_duplicate="ignore"),
            **MODEL,
        ),
    ),
]


@pytest.mark.parametrize(("ask", "body"), SAME_AS_THE_SDK, ids=lambda value: type(value).__name__)
async def test_bodies_are_those_the_sdk_would_send(ask: Ask, body: Any) -> None:
    client: Any = ApiClient
    async with client(CONFIGURATION) as sdk:
        sent = sdk.sanitize_for_serialization(body)
    assert json.loads(NOWHERE.request(ask).body) == sent


@pytest.mark.parametrize("reply", [b"{}", b"[]", b"null", b"no JSON", b""])
@pytest.mark.parametrize("ask", [ask for ask, _ in SAME_AS_THE_SDK[:4]], ids=lambda ask: type(ask).__name__)
def test_a_reply_that_is_no_answer_is_not_taken_for_one(ask: Ask, reply: bytes) -> None:
    check = NOWHERE.request(ask).check
    assert check is not None
    assert not check([reply])
    with pytest.raises(ValueError, match=r".*"):
        NOWHERE.answer(ask, [reply])


def test_a_verdict_is_held_against_the_expected_one() -> None:
    check = NOWHERE.request(Check(Question(PLAN, "view", ANN), expected=False)).check
    assert check is not None
    assert check([b'{"allowed": false}'])
    assert not check([b'{"allowed": true}'])


def test_the_drive_schema_is_a_model_with_every_relation_and_chains_that_are_flat() -> None:
    types = {each["type"]: each for each in openfga_model(DRIVE_SCHEMA)["type_definitions"]}
    assert set(types) == {"user", "group", "folder", "document"}
    assert types["user"] == {"type": "user"}
    folder = types["folder"]
    assert folder["metadata"]["relations"]["viewer"] == {
        "directly_related_user_types": [{"type": "user"}, {"type": "group", "relation": "member"}]
    }
    parent_edit = {"tupleToUserset": {"tupleset": {"relation": "parent"}, "computedUserset": {"relation": "edit"}}}
    owner, editor = ({"computedUserset": {"relation": name}} for name in ("owner", "editor"))
    assert folder["relations"]["edit"] == {"union": {"child": [owner, editor, parent_edit]}}
    assert folder["relations"]["owner"] == {"this": {}}
    document = types["document"]["relations"]
    assert document["view"]["difference"]["subtract"] == {"computedUserset": {"relation": "blocked"}}
    assert len(document["view"]["difference"]["base"]["union"]["child"]) == 3
    assert [set(part) for part in document["sign"]["intersection"]["child"]] == [{"computedUserset"}] * 2


def _id_of(number: int) -> str:
    """As OpenFGA's: the SDK wants ULIDs."""
    return f"01ARZ3NDEKTSV4RRFFQ69G5F{number:02}"


def _question(key: Any) -> Question:
    return Question(EntityRef.parse(key["object"]), key["relation"], SubjectRef.parse(key["user"]))


def _row(key: Any) -> RelationTuple:
    return RelationTuple.parse(f"{key['object']}#{key['relation']}@{key['user']}")
