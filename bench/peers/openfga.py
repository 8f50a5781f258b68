"""OpenFGA over PostgreSQL, called over its HTTP API, with the settings docs/performance.md names."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bench.processes import port_open
from model.check import Question
from model.tuples import RelationTuple, SubjectRef
from tests.support.postgres import PostgresServer, free_port

_THIS: dict[str, Any] = {"this": {}}


def _computed(relation: str) -> dict[str, Any]:
    return {"computedUserset": {"relation": relation}}


def _from_parent(relation: str) -> dict[str, Any]:
    return {"tupleToUserset": {"tupleset": {"relation": "parent"}, "computedUserset": {"relation": relation}}}


def _any_of(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"union": {"child": list(parts)}}


def _type(name: str, relations: dict[str, Any], direct: dict[str, Sequence[str]]) -> dict[str, Any]:
    metadata = {
        relation: {
            "directly_related_user_types": [
                {"type": kind} if not userset else {"type": kind, "relation": userset}
                for kind, _, userset in (target.partition("#") for target in targets)
            ]
        }
        for relation, targets in direct.items()
    }
    return {"type": name, "relations": relations, "metadata": {"relations": metadata}}


_ANYBODY = ("user", "group#member")
MODEL = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        _type("group", {"member": _THIS}, {"member": _ANYBODY}),
        _type(
            "folder",
            {
                "parent": _THIS,
                "owner": _THIS,
                "editor": _THIS,
                "viewer": _THIS,
                "edit": _any_of(_computed("owner"), _computed("editor"), _from_parent("edit")),
                "view": _any_of(_computed("viewer"), _computed("edit"), _from_parent("view")),
            },
            {"parent": ("folder",), "owner": ("user",), "editor": _ANYBODY, "viewer": _ANYBODY},
        ),
        _type(
            "document",
            {
                "parent": _THIS,
                "owner": _THIS,
                "viewer": _THIS,
                "blocked": _THIS,
                "cleared": _THIS,
                "edit": _any_of(_computed("owner"), _from_parent("edit")),
                "seen": _any_of(_computed("viewer"), _computed("edit"), _from_parent("view")),
                "view": {"difference": {"base": _computed("seen"), "subtract": _computed("blocked")}},
                "sign": {"intersection": {"child": [_computed("edit"), _computed("cleared")]}},
            },
            {
                "parent": ("folder",),
                "owner": ("user",),
                "viewer": _ANYBODY,
                "blocked": _ANYBODY,
                "cleared": _ANYBODY,
            },
        ),
    ],
}
"""The schema of the drive-like load."""

_SETTINGS = {
    "OPENFGA_LOG_LEVEL": "error",
    "OPENFGA_PLAYGROUND_ENABLED": "false",
    "OPENFGA_METRICS_ENABLED": "false",
    "OPENFGA_DATASTORE_ENGINE": "postgres",
    "OPENFGA_DATASTORE_MAX_OPEN_CONNS": "20",
    "OPENFGA_DATASTORE_MAX_IDLE_CONNS": "20",
    "OPENFGA_MAX_TUPLES_PER_WRITE": "500",
    "OPENFGA_CHECK_QUERY_CACHE_ENABLED": "true",
    "OPENFGA_CHECK_CACHE_LIMIT": "200000",
    "OPENFGA_CHECK_QUERY_CACHE_TTL": "60s",
    "OPENFGA_MAX_CONCURRENT_READS_FOR_CHECK": "20",
    "OPENFGA_LIST_OBJECTS_MAX_RESULTS": "0",
    "OPENFGA_REQUEST_TIMEOUT": "120s",
    "OPENFGA_LIST_OBJECTS_DEADLINE": "60s",
    "OPENFGA_RESOLVE_NODE_LIMIT": "100",
}


class OpenFga:
    """One server."""

    name = "OpenFGA"

    def __init__(self, pid: int, session: aiohttp.ClientSession) -> None:
        self.pid = pid
        self._session = session
        self._store = ""
        self._model = ""

    @classmethod
    @asynccontextmanager
    async def started(cls, program: Path, database: PostgresServer) -> AsyncIterator[OpenFga]:
        """A server that serves while the context lasts, on a new database."""
        database.execute("CREATE DATABASE openfga")
        uri = f"{database.uri('openfga')}?sslmode=disable"
        environment = {**os.environ, **_SETTINGS, "OPENFGA_DATASTORE_URI": uri}
        migration = await asyncio.create_subprocess_exec(program, "migrate", env=environment)
        if await migration.wait():
            raise RuntimeError("openfga migrate failed")
        http, grpc = free_port(), free_port()
        addresses = ("--http-addr", f"127.0.0.1:{http}", "--grpc-addr", f"127.0.0.1:{grpc}")
        process = await asyncio.create_subprocess_exec(program, "run", *addresses, env=environment)
        try:
            await port_open(http)
            connector = aiohttp.TCPConnector(limit=64)
            async with aiohttp.ClientSession(f"http://127.0.0.1:{http}", connector=connector) as session:
                system = cls(process.pid, session)
                await system._prepare()
                yield system
        finally:
            process.terminate()
            await process.wait()

    async def write(self, rows: Sequence[RelationTuple]) -> None:
        """Store some tuples in one call."""
        keys = [_key(row.entity, row.relation, row.subject) for row in rows]
        await self._call("write", writes={"tuple_keys": keys})

    async def check(self, question: Question) -> bool:
        """Whether it is allowed."""
        key = _key(question.entity, question.permission, question.subject)
        return bool((await self._call("check", tuple_key=key))["allowed"])

    async def list_documents(self, user: SubjectRef) -> set[str]:
        """Ids of the documents a user can view."""
        answer = await self._call("list-objects", type="document", relation="view", user=str(user))
        return {name.partition(":")[2] for name in answer["objects"]}

    async def _prepare(self) -> None:
        async with self._session.post("/stores", json={"name": "bench"}) as response:
            response.raise_for_status()
            self._store = (await response.json())["id"]
        self._model = (await self._call("authorization-models", **MODEL))["authorization_model_id"]

    async def _call(self, path: str, **body: Any) -> Any:
        if self._model:
            body["authorization_model_id"] = self._model
        async with self._session.post(f"/stores/{self._store}/{path}", json=body) as response:
            if response.status >= 300:
                raise RuntimeError(f"{path}: {response.status} {await response.text()}")
            return await response.json()


def _key(entity: object, relation: str, subject: object) -> dict[str, str]:
    return {"object": str(entity), "relation": relation, "user": str(subject)}
