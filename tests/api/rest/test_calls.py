"""What a client meets at the door: errors, limits, time, and the headers that go with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from api.entrance import Call, Entrance
from api.health import Health
from api.rest import connection, exchange
from api.rest.settings import RestSettings
from model.errors import (
    AuthzError,
    ErrorCode,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    StorageFailed,
    Unauthenticated,
    Unavailable,
)
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.api.rest.serving import CAN, CHECK, TIMEOUT_S, Rest, Works, check_by, client_of, host_of, served


async def allow(_request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
    return pb.PermissionCheckResponse(can=base.CHECK_RESULT_ALLOWED)


async def never(_request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
    await asyncio.Event().wait()
    raise AssertionError("nobody lets it go")


class Doorman(Entrance):
    """Raises what it is told to, and remembers who came."""

    def __init__(self, error: AuthzError | None = None) -> None:
        super().__init__()
        self.error = error
        self.came: list[Call] = []

    def admitted(self, call: Call) -> Any:
        self.came.append(call)
        if self.error is not None:
            raise self.error
        return super().admitted(call)


# --- requests ---


async def test_the_path_overrules_the_body() -> None:
    seen: list[str] = []

    async def remember(request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        seen.append(request.tenant_id)
        return pb.PermissionCheckResponse()

    async with served(check_by(remember)) as rest:
        await rest.post(CHECK, {**CAN, "tenant_id": "other"})
        await rest.post("/v1/tenants/a%40b/permissions/check", CAN)
    assert seen == ["t1", "a@b"]


async def test_any_content_type_is_read_as_json() -> None:
    body = '{"metadata":{"depth":20},"entity":{"type":"d","id":"1"},"permission":"v","subject":{"type":"u","id":"1"}}'
    async with served(check_by(allow)) as rest:
        answer = await rest.call("POST", CHECK, data=body, headers={"Content-Type": "text/plain"})
    assert answer.status == 200
    assert answer.body == {"can": "CHECK_RESULT_ALLOWED", "metadata": None}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Grpc-Metadata-Content-Type"] == "application/grpc"
    assert "Server" not in answer.headers
    assert answer.headers["Date"].endswith("GMT")


async def test_rules_of_the_contract_are_checked() -> None:
    async with served(check_by(allow)) as rest:
        answer = await rest.post(CHECK, {})
    assert answer.status == 400
    assert answer.body["code"] == 3
    assert answer.body["message"] == "invalid PermissionCheckRequest.Metadata: value is required"


async def test_json_that_cannot_be_read_is_refused_with_an_explanation() -> None:
    async with served(check_by(allow)) as rest:
        answer = await rest.call("POST", CHECK, data="{")
    assert (answer.status, answer.body["code"]) == (400, 3)
    assert "not JSON" in answer.body["message"]


@pytest.mark.parametrize("path", ["/v1", "/v1/tenants/t1/permissions/check/", "/v1/tenants/t1/permissions/Check", "/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_not_found(path: str, method: str) -> None:
    async with served(check_by(allow)) as rest:
        answer = await rest.call(method, path)
    assert (answer.status, answer.body) == (404, {"code": 5, "message": "Not Found", "details": []})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_known_path_with_another_method_is_not_implemented(method: str) -> None:
    async with served(check_by(allow)) as rest:
        answer = await rest.call(method, CHECK)
        head = await rest.call("HEAD", CHECK)
    assert (answer.status, answer.body) == (501, {"code": 12, "message": "Method Not Allowed", "details": []})
    assert answer.headers["Allow"] == "POST"
    assert (head.status, head.body) == (501, "")


# --- errors ---

ERRORS: list[tuple[AuthzError, int, int, str]] = [
    (InvalidRequest("no", ErrorCode.VALIDATION), 400, 3, "ERROR_CODE_VALIDATION"),
    (Unauthenticated("who?", ErrorCode.MISSING_BEARER_TOKEN), 401, 16, "ERROR_CODE_MISSING_BEARER_TOKEN"),
    (NotFound("none", ErrorCode.NOT_FOUND), 404, 5, "ERROR_CODE_NOT_FOUND"),
    (LimitExceeded("slow down", retry_after_s=1.2), 429, 8, "slow down"),
    (Unavailable("later"), 503, 14, "later"),
]


@pytest.mark.parametrize("expected", ERRORS, ids=lambda expected: type(expected[0]).__name__)
async def test_an_error_has_its_status_its_code_and_an_explanation(expected: tuple[AuthzError, int, int, str]) -> None:
    error, status, code, message = expected

    async def fail(_request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        raise error

    async with served(check_by(fail)) as rest:
        answer = await rest.post(CHECK, CAN)
    assert (answer.status, answer.body["code"], answer.body["message"]) == (status, code, message)
    info = answer.body["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["metadata"]["explanation"] == str(error)
    assert answer.headers.get("Retry-After") == ("2" if status == 429 else None)
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


async def test_a_bug_is_logged_and_shows_nothing() -> None:
    async def fail(_request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        raise ZeroDivisionError("secret")

    with capture_logs() as logs:
        async with served(check_by(fail)) as rest:
            answer = await rest.post(CHECK, CAN)
    assert (answer.status, answer.body) == (500, {"code": 13, "message": "internal error", "details": []})
    assert [entry["method"] for entry in logs if entry["event"] == "call failed"] == ["/base.v1.Permission/Check"]


async def test_what_breaks_the_store_goes_to_the_log_only() -> None:
    async def fail(_request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        raise StorageFailed("/secret/path is full", ErrorCode.DATASTORE)

    with capture_logs() as logs:
        async with served(check_by(fail)) as rest:
            answer = await rest.post(CHECK, CAN)
    assert answer.status == 500
    assert "/secret" not in str(answer.body)
    assert "/secret/path is full" in [entry.get("error") for entry in logs]


# --- the entrance ---


async def test_who_is_turned_away_is_turned_away_before_the_body_is_read() -> None:
    doorman = Doorman(Unauthenticated("no token"))

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with served(check_by(allow), entrance=doorman) as rest:
        answer = await rest.call("POST", CHECK, data=endless(), headers={"Authorization": "Bearer x"})
    assert answer.status == 401
    assert doorman.came == [Call("/base.v1.Permission/Check", "Bearer x")]


async def test_health_and_paths_that_are_not_there_pass_no_entrance() -> None:
    doorman = Doorman(Unauthenticated("no token"))
    async with served(check_by(allow), entrance=doorman) as rest:
        assert (await rest.call("GET", "/healthz?service=x")).status == 200
        assert (await rest.call("GET", "/nowhere")).status == 404
    assert doorman.came == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_follows_the_store_and_the_node(path: str) -> None:
    works = Works()
    health = Health(works.ping)
    async with served(health=health) as rest:
        serving = await rest.call("GET", path)
        works.is_broken = True
        broken = await rest.call("GET", path)
        works.is_broken = False
        health.leave()
        leaving = await rest.call("GET", path)
        head = await rest.call("HEAD", path)
    assert (serving.status, serving.body) == (200, {"status": "SERVING"})
    assert (broken.status, broken.body) == (503, {"status": "NOT_SERVING", "reason": "the store fails"})
    assert (leaving.status, leaving.body) == (503, {"status": "NOT_SERVING", "reason": "leaving"})
    assert (head.status, head.body) == (503, "")


async def test_a_node_that_is_not_ready_lives() -> None:
    async with served(health=Health()) as rest:
        assert (await rest.call("GET", "/livez")).status == 200
        not_ready = await rest.call("GET", "/readyz")
    assert (not_ready.status, not_ready.body["reason"]) == (503, "opening the store")


# --- sizes ---


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_over_the_limit_is_refused_as_too_much_and_the_next_is_answered(is_chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    async with served(check_by(allow)) as rest:
        answer = await rest.call("POST", CHECK, data=pieces() if is_chunked else b" " * 100_000)
        again = await rest.post(CHECK, CAN)
    assert (answer.status, answer.body["code"]) == (429, 8)
    assert "larger than 10000 bytes" in answer.body["message"]
    assert again.status == 200


async def test_large_messages_are_read_and_written_beside_the_loop() -> None:
    async def echo(request: pb.PermissionBulkCheckRequest) -> pb.PermissionCheckResponse:
        assert len(request.context.tuples) == 500
        return pb.PermissionCheckResponse(can=base.CHECK_RESULT_DENIED)

    row = {"entity": CAN["entity"], "relation": "viewer", "subject": CAN["subject"]}
    async with served(check_by(echo), max_message_bytes=200_000) as rest:
        answer = await rest.post(CHECK, {**CAN, "context": {"tuples": [row] * 500}})
    assert answer.body["can"] == "CHECK_RESULT_DENIED"


# --- time ---


async def test_the_time_a_client_gives_is_kept() -> None:
    async with served(check_by(never)) as rest:
        answer = await rest.post(CHECK, CAN, headers={"Grpc-Timeout": "20m"})
    assert (answer.status, answer.body["code"]) == (504, 4)


@pytest.mark.parametrize("text", ["", "5", "5s", "-5S", "123456789S", "1.5S", "5 S"])
async def test_a_time_that_cannot_be_read_is_refused(text: str) -> None:
    async with served(check_by(allow)) as rest:
        answer = await rest.post(CHECK, CAN, headers={"Grpc-Timeout": text})
    assert (answer.status, answer.body["code"]) == (400, 3)
    assert "Grpc-Timeout: expected" in answer.body["message"]


@pytest.mark.parametrize("text", ["1H", "1M", "20S", "20000m", "20000000u", "99999999n"])
async def test_a_time_may_be_in_any_unit(text: str) -> None:
    async with served(check_by(allow)) as rest:
        assert (await rest.post(CHECK, CAN, headers={"Grpc-Timeout": text})).status == 200


async def test_a_timeout_within_a_handler_is_a_bug_and_not_the_clients_time() -> None:
    async def fail(_request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        raise TimeoutError

    async with served(check_by(fail)) as rest:
        assert (await rest.post(CHECK, CAN, headers={"Grpc-Timeout": "20S"})).status == 500


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.05)


@pytest.mark.usefixtures("short_waits")
async def test_a_body_that_does_not_come_is_not_waited_for_for_ever() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with served(check_by(allow)) as rest:
        answer = await rest.call("POST", CHECK, data=endless())
    assert answer.status == 504
    assert "did not arrive" in answer.body["message"]


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("sent", [b"", b"POST /v1"])
async def test_a_connection_that_sends_no_whole_head_is_closed(sent: bytes) -> None:
    host = host_of(check_by(allow))
    await host.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(host.url.rpartition(":")[2]))
    writer.write(sent)
    async with asyncio.timeout(TIMEOUT_S):
        assert await reader.read() == b""
    writer.close()
    await host.stop(0.0)


async def test_a_client_that_leaves_ends_its_call() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(_request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        begun.set()
        try:
            return await never(_request)
        finally:
            ended.set()

    async with served(check_by(wait)) as rest, asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        call = group.create_task(rest.post(CHECK, CAN))
        await begun.wait()
        call.cancel()
        await ended.wait()


# --- stopping ---


async def test_a_running_call_is_finished_before_the_host_ends() -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def wait(request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        begun.set()
        await let_go.wait()
        return await allow(request)

    host = host_of(check_by(wait))
    await host.start()
    async with client_of(host.url) as rest, asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        call = group.create_task(rest.post(CHECK, CAN))
        await begun.wait()
        stopping = group.create_task(host.stop(TIMEOUT_S))
        with pytest.raises(aiohttp.ClientConnectionError):
            await call_without_end(rest)
        assert not stopping.done()
        let_go.set()
        assert (await call).status == 200


async def call_without_end(rest: Rest) -> None:
    while True:
        await rest.call("GET", "/healthz")


async def test_a_call_that_takes_longer_than_the_grace_is_told_that_the_node_stops() -> None:
    begun = asyncio.Event()

    async def wait(request: pb.PermissionCheckRequest) -> pb.PermissionCheckResponse:
        begun.set()
        return await never(request)

    host = host_of(check_by(wait))
    await host.start()
    async with client_of(host.url) as rest, asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        call = group.create_task(rest.post(CHECK, CAN))
        await begun.wait()
        await host.stop(0.01)
        answer = await call
    assert (answer.status, answer.body["code"], answer.body["message"]) == (503, 14, "the node is stopping")


async def test_a_port_in_use_is_named() -> None:
    host = host_of()
    await host.start()
    port = int(host.url.rpartition(":")[2])
    other = host_of(settings=RestSettings(port=port))
    with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
        await other.start()
    await other.stop(0.0)
    await host.stop(0.0)


# --- web pages ---

PREFLIGHT = {
    "Origin": "https://app.example.com",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


async def test_every_page_may_call_by_default_and_no_credentials_are_lent() -> None:
    async with served(check_by(allow)) as rest:
        preflight = await rest.call("OPTIONS", CHECK, headers=PREFLIGHT)
        answer = await rest.post(CHECK, CAN, headers={"Origin": "https://app.example.com"})
        refusal = await rest.post(CHECK, {}, headers={"Origin": "https://app.example.com"})
    assert (preflight.status, preflight.body) == (204, "")
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, POST, HEAD, PATCH, DELETE, PUT"
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
    for found in (preflight, answer, refusal):
        assert found.headers["Access-Control-Allow-Origin"] == "*"
        assert "Origin" in found.headers["Vary"]


@pytest.mark.parametrize("origin", ["https://app.example.com", "https://b.pages.example.org"])
async def test_pages_of_named_origins_may_call_with_credentials(origin: str) -> None:
    settings = RestSettings(
        port=0, cors_origins=("https://app.example.com", "https://*.example.org"), cors_headers=("Authorization",)
    )
    async with served(check_by(allow), settings=settings) as rest:
        preflight = await rest.call("OPTIONS", CHECK, headers={**PREFLIGHT, "Origin": origin})
        answer = await rest.post(CHECK, CAN, headers={"Origin": origin})
    for found in (preflight, answer):
        assert found.headers["Access-Control-Allow-Origin"] == origin
        assert found.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://example.org.evil.example", "http://app.example.com"]
)
async def test_other_pages_may_not_call(origin: str) -> None:
    settings = RestSettings(port=0, cors_origins=("https://app.example.com", "https://*.example.org"))
    async with served(check_by(allow), settings=settings) as rest:
        preflight = await rest.call("OPTIONS", CHECK, headers={**PREFLIGHT, "Origin": origin})
        answer = await rest.post(CHECK, CAN, headers={"Origin": origin})
    assert preflight.status == 204
    for found in (preflight, answer):
        assert "Access-Control-Allow-Origin" not in found.headers
        assert "Origin" in found.headers["Vary"]
