"""Tokens of a real issuer, shown to a real node over gRPC."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from api.auth.oidc import GoodTokens
from node.node import open_node
from node.settings import NodeSettings
from proto.base.v1 import service_pb2 as pb
from tests.api.auth.conftest import EC, RSA, Ask, oidc
from tests.support.client import Client, explanation
from tests.support.issuer import AUDIENCE, KEYS, FakeIssuer, SigningKey, running_issuer

INVALID = "ERROR_CODE_INVALID_BEARER_TOKEN"
NEW = SigningKey("rsa-2")
STRANGER = SigningKey("stranger")


async def refusal(ask: Ask, authorization: str | None) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(authorization)
    return refused.value


# --- who is let in ---


@pytest.mark.parametrize("key", [RSA, EC], ids=lambda key: key.method)
async def test_a_token_of_the_issuer_opens_the_door(ask: Ask, issuer: FakeIssuer, key: SigningKey) -> None:
    await ask(f"Bearer {key.sign(issuer.claims())}")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
async def test_the_scheme_may_be_in_any_case(ask: Ask, issuer: FakeIssuer, scheme: str) -> None:
    await ask(f"{scheme} {RSA.sign(issuer.claims())}")


HOLDING: dict[str, Callable[[int], dict[str, Any]]] = {
    "one of several audiences": lambda _: {"aud": ["other", AUDIENCE]},
    "no times": lambda _: {"exp": None, "nbf": None, "iat": None},
    "expired within the skew": lambda now_s: {"exp": now_s - 10},
    "valid soon": lambda now_s: {"nbf": now_s + 10},
    "issued soon, to the fraction": lambda now_s: {"iat": now_s + 10.5},
    "claims nobody asks for": lambda _: {"sub": 7, "jti": 7, "scope": ["odd"]},
}


@pytest.mark.parametrize("name", HOLDING)
async def test_claims_that_hold_are_enough(ask: Ask, issuer: FakeIssuer, name: str) -> None:
    claims = issuer.claims(**HOLDING[name](int(time.time())))
    await ask(f"Bearer {RSA.sign(claims)}")


# --- who is not ---

FORGED: dict[str, tuple[str, Callable[[FakeIssuer], str]]] = {
    "expired": (INVALID, lambda issuer: RSA.sign(issuer.claims(exp=int(time.time()) - 60))),
    "not yet valid": (INVALID, lambda issuer: RSA.sign(issuer.claims(nbf=int(time.time()) + 60))),
    "issued tomorrow": (INVALID, lambda issuer: RSA.sign(issuer.claims(iat=int(time.time()) + 86_400))),
    "expiry no time": (INVALID, lambda issuer: RSA.sign(issuer.claims(exp="tomorrow"))),
    "wrong audience": ("ERROR_CODE_INVALID_AUDIENCE", lambda issuer: RSA.sign(issuer.claims(aud="other"))),
    "wrong audiences": ("ERROR_CODE_INVALID_AUDIENCE", lambda issuer: RSA.sign(issuer.claims(aud=["a", "b"]))),
    "longer audience": ("ERROR_CODE_INVALID_AUDIENCE", lambda issuer: RSA.sign(issuer.claims(aud=AUDIENCE + "x"))),
    "no audience": ("ERROR_CODE_INVALID_AUDIENCE", lambda issuer: RSA.sign(issuer.claims(aud=None))),
    "wrong issuer": ("ERROR_CODE_INVALID_ISSUER", lambda issuer: RSA.sign(issuer.claims(iss="https://evil"))),
    "issuer with slash": ("ERROR_CODE_INVALID_ISSUER", lambda issuer: RSA.sign(issuer.claims(iss=issuer.url + "/"))),
    "no issuer": ("ERROR_CODE_INVALID_ISSUER", lambda issuer: RSA.sign(issuer.claims(iss=None))),
    "claims no object": ("ERROR_CODE_INVALID_CLAIMS", lambda issuer: RSA.sign([issuer.url])),
    "claims no JSON": ("ERROR_CODE_INVALID_CLAIMS", lambda _: RSA.sign(b"not json")),
    "unsigned": (INVALID, lambda issuer: RSA.unsigned(issuer.claims())),
    "unsigned in capitals": (INVALID, lambda issuer: RSA.unsigned(issuer.claims(), "NONE")),
    "unsigned as RS256": (INVALID, lambda issuer: RSA.unsigned(issuer.claims(), "RS256")),
    "signed with the public key": (INVALID, lambda issuer: RSA.sign_with_the_public_half(issuer.claims())),
    "method not accepted": (INVALID, lambda issuer: SigningKey("rsa-1", "RS512").sign(issuer.claims())),
    "method of another key type": (INVALID, lambda issuer: EC.sign(issuer.claims(), kid=RSA.id)),
    "wrong key": (INVALID, lambda issuer: STRANGER.sign(issuer.claims(), kid=RSA.id)),
    "unknown key": (INVALID, lambda issuer: STRANGER.sign(issuer.claims())),
    "no key named": (INVALID, lambda issuer: RSA.sign(issuer.claims(), kid=None)),
    "empty key id": (INVALID, lambda issuer: RSA.sign(issuer.claims(), kid="")),
    "two spaces": (INVALID, lambda issuer: " " + RSA.sign(issuer.claims())),
    "a letter more": (INVALID, lambda issuer: RSA.sign(issuer.claims()) + "A"),
    "a letter less": (INVALID, lambda issuer: RSA.sign(issuer.claims())[:-3]),
    "other claims": (INVALID, lambda issuer: _with_claims_of(RSA.sign(issuer.claims()), RSA.sign(issuer.claims(x=1)))),
    "garbage": (INVALID, lambda _: "garbage"),
    "dots": (INVALID, lambda _: ".."),
    "nested beyond reason": (INVALID, lambda _: _nested(1_500)),
    "no text": (INVALID, lambda _: "eyJhbGciOiJSUzI1NiJ9.e30.~!"),
}


def _with_claims_of(token: str, other: str) -> str:
    header, _, signature = token.split(".")
    return ".".join((header, other.split(".")[1], signature))


def _nested(depth: int) -> str:
    return base64.urlsafe_b64encode(b"[" * (depth * 3)).decode() + ".e30.AAAA"


@pytest.mark.parametrize("name", FORGED)
async def test_a_token_that_is_not_right_in_every_way_does_not(ask: Ask, issuer: FakeIssuer, name: str) -> None:
    code, forge = FORGED[name]
    token = forge(issuer)
    refused = await refusal(ask, f"Bearer {token}")
    assert (refused.code(), refused.details()) == (grpc.StatusCode.UNAUTHENTICATED, code)
    assert token not in explanation(refused)
    await ask(f"Bearer {RSA.sign(issuer.claims())}")


async def test_a_key_good_for_many_methods_verifies_only_those_that_are_accepted(ask: Ask, issuer: FakeIssuer) -> None:
    issuer.keys = [NEW.jwk(alg=None)]
    await ask(f"Bearer {NEW.sign(issuer.claims())}")
    for method in ("RS512", "PS256"):
        token = SigningKey(NEW.id, method).sign(issuer.claims())
        assert (await refusal(ask, f"Bearer {token}")).details() == INVALID


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic eDp5", "token"])
async def test_a_header_without_a_token_is_said_to_be_missing(ask: Ask, authorization: str | None) -> None:
    refused = await refusal(ask, authorization)
    assert refused.code() is grpc.StatusCode.UNAUTHENTICATED
    assert refused.details() == "ERROR_CODE_MISSING_BEARER_TOKEN"
    assert "authorization: Bearer <token>" in explanation(refused)


async def test_a_token_of_absurd_length_is_refused_unread(ask: Ask) -> None:
    assert (await refusal(ask, f"Bearer {'x' * 17_000}")).details() == INVALID


async def test_who_may_not_ask_does_not_learn_whether_the_request_was_good(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await Client(channel).raw("/base.v1.Permission/Check", b"\xff\xff")
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


# --- the issuer's keys come and go ---


async def test_a_key_published_later_is_found_when_a_token_names_it(ask: Ask, issuer: FakeIssuer) -> None:
    issuer.publish(RSA, NEW)
    await ask(f"Bearer {NEW.sign(issuer.claims())}")
    await ask(f"Bearer {RSA.sign(issuer.claims())}")
    assert issuer.asked[KEYS] == 2


async def test_a_token_found_good_is_checked_again_once_its_key_is_withdrawn(ask: Ask, issuer: FakeIssuer) -> None:
    old = f"Bearer {RSA.sign(issuer.claims())}"
    await ask(old)
    issuer.publish(NEW)
    await ask(f"Bearer {NEW.sign(issuer.claims())}")
    assert (await refusal(ask, old)).details() == INVALID


async def test_tokens_with_unknown_keys_cannot_make_the_node_flood_the_issuer(ask: Ask, issuer: FakeIssuer) -> None:
    async def refused(number: int) -> None:
        token = STRANGER.sign(issuer.claims(), kid=f"unknown-{number % 300}")
        assert (await refusal(ask, f"Bearer {token}")).details() == INVALID

    began_s = time.monotonic()
    for batch in range(10):
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(refused(batch * 100 + number))
    pauses = (time.monotonic() - began_s) / 2.0
    assert issuer.asked[KEYS] <= 2 + pauses  # at start, at the first stranger, then once in two seconds
    await ask(f"Bearer {RSA.sign(issuer.claims())}")


async def test_while_the_issuer_is_slow_only_strangers_wait(ask: Ask, issuer: FakeIssuer) -> None:
    is_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        is_asked.set()
        await may_answer.wait()
        return web.json_response({"keys": [RSA.jwk(), NEW.jwk()]})

    issuer.failing[KEYS] = slow
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(ask(f"Bearer {NEW.sign(issuer.claims())}"))
        await is_asked.wait()
        await ask(f"Bearer {RSA.sign(issuer.claims())}")
        assert not waiting.done()
        may_answer.set()
        await waiting


async def status_500(_: web.Request) -> web.StreamResponse:
    return web.Response(status=500, text="sorry")


async def garbage(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"\xff<html>")


async def huge(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b'{"keys": [' + b" " * 5_000_000 + b"]}")


async def no_keys(_: web.Request) -> web.StreamResponse:
    return web.json_response({"keys": []})


async def elsewhere(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(f"{request.url.origin()}/keys?moved")


@pytest.mark.parametrize("failure", [status_500, garbage, huge, no_keys, elsewhere], ids=lambda f: f.__name__)
async def test_when_the_issuer_fails_known_keys_go_on_working(
    ask: Ask, issuer: FakeIssuer, failure: Callable[..., Any]
) -> None:
    issuer.failing[KEYS] = failure
    refused = await refusal(ask, f"Bearer {NEW.sign(issuer.claims())}")
    assert refused.code() is grpc.StatusCode.UNAVAILABLE  # the issuer might have the key: nobody knows
    await ask(f"Bearer {RSA.sign(issuer.claims())}")


async def test_an_issuer_that_went_away_takes_nothing_with_it() -> None:
    async with running_issuer(RSA) as issuer:
        settings = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, auth=oidc(issuer))
        async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
            known = Client(channel, authorization=f"Bearer {RSA.sign(issuer.claims())}")
            unknown = Client(channel, authorization=f"Bearer {NEW.sign(issuer.claims())}")
            issuer.failing[KEYS] = cut_off
            await known.call("Tenancy.List", pb.TenantListRequest())
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await unknown.call("Tenancy.List", pb.TenantListRequest())
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def cut_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


# --- what is remembered ---


def test_the_memory_of_good_tokens_is_bounded_and_forgets_when_keys_change() -> None:
    memory = GoodTokens(most=2)
    keys: Any = object()
    for name in (b"a", b"b", b"c"):
        memory.remember(name, keys, expires_s=10.0)
    assert [memory.knows(name, keys, 0.0) for name in (b"a", b"b", b"c")] == [False, True, True]
    assert not memory.knows(b"c", keys, 10.0)
    other: Any = object()
    assert not memory.knows(b"c", other, 0.0)
    memory.remember(b"d", other, expires_s=10.0)
    assert memory.knows(b"d", other, 0.0)
    assert not memory.knows(b"b", other, 0.0)
    assert repr(memory) == "<GoodTokens 1 of 2>"


async def test_no_log_line_quotes_a_token(ask: Ask, issuer: FakeIssuer) -> None:
    good, forged, unknown = RSA.sign(issuer.claims()), STRANGER.sign(issuer.claims(), kid=RSA.id), NEW.sign({})
    issuer.failing[KEYS] = status_500
    with capture_logs() as logs:
        await ask(f"Bearer {good}")
        await refusal(ask, f"Bearer {forged}")
        await refusal(ask, f"Bearer {unknown}")
    assert [entry["log_level"] for entry in logs] == ["warning"]
    parts = [part for token in (good, forged, unknown) for part in token.split(".")]
    assert not any(part in str(logs) for part in parts)
