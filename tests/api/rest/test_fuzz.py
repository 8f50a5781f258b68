"""Whatever the document allows, and what it does not, is answered as the document says.

Requests are made up by schemathesis, a fixed number for each operation, some that keep the rules and some that break
them. The node has the schema and the data of the examples.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.rest.description import _DOCUMENT
from api.rest.settings import RestSettings
from node.node import open_node
from node.settings import NodeSettings
from proto.openapi.examples import EXAMPLES
from tests.api.rest.serving import TIMEOUT_S

EXAMPLES_EACH = 20
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)

document = schemathesis.openapi.from_path(_DOCUMENT)
document.config.phases.coverage.unexpected_methods = set()  # 501, as the contract has it
answering = document.exclude(operation_id="watch")  # ends when its client wants it to
bounded = settings(max_examples=EXAMPLES_EACH, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@contextmanager
def node_beside() -> Iterator[str]:
    """The URL of a node on a loop of its own: schemathesis calls it from this thread and waits."""
    is_up, stop, url = threading.Event(), asyncio.Event(), ""
    loop = asyncio.new_event_loop()

    async def run() -> None:
        nonlocal url
        told = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, http=RestSettings(port=0))
        async with open_node(told) as node:
            url = node.rest_url
            is_up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    assert is_up.wait(TIMEOUT_S)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with node_beside() as url, requests.Session() as session:
        for tenant in ("t1", "0"):
            for rpc, path in (("Schema.Write", "schemas/write"), ("Data.Write", "data/write")):
                body = EXAMPLES[f"base.v1.{rpc}"]
                session.post(f"{url}/v1/tenants/{tenant}/{path}", json=body, timeout=TIMEOUT_S).raise_for_status()
        yield url


@answering.parametrize()
@bounded
def test_whatever_is_sent_is_answered_as_described(case: Any, url: str) -> None:
    is_stream = case.operation.definition.raw["operationId"] == "permissionLookupEntityStream"
    checks = CHECKS[:3] if is_stream else CHECKS  # lines of JSON, which are not one JSON
    response = case.call_and_validate(base_url=url, checks=checks, timeout=TIMEOUT_S)
    assert "Traceback" not in response.text
