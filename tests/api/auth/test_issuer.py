"""Starting with an issuer: what it must say of itself, and what a node says when it cannot start."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from api.auth.issuer import _may_follow, found_issuer
from api.auth.opening import opened_authenticator
from model.errors import Misconfigured, Unavailable
from node.node import open_node
from node.settings import NodeSettings
from tests.api.auth.conftest import RSA, oidc
from tests.support.issuer import DISCOVERY, KEYS, FakeIssuer, running_issuer


async def starting(at: FakeIssuer, **changes: Any) -> None:
    async with found_issuer(replace(oidc(at), **changes)):
        pass


async def test_a_slash_at_the_end_of_the_issuer_is_not_doubled(issuer: FakeIssuer) -> None:
    issuer.discovery = {"issuer": f"{issuer.url}/"}
    await starting(issuer, issuer=f"{issuer.url}/")
    assert issuer.asked == {DISCOVERY: 1, KEYS: 1}


async def test_an_issuer_that_is_down_is_asked_again_and_then_named(node_settings: NodeSettings) -> None:
    async with running_issuer(RSA) as gone:
        settings = replace(node_settings, auth=oidc(gone))
    with capture_logs() as logs, pytest.raises(Unavailable, match=f"cannot start .*{gone.url}"):
        async with open_node(settings):
            pass
    assert [entry["event"] for entry in logs] == ["the token issuer cannot be reached yet"]


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
async def test_an_issuer_that_comes_up_in_time_is_good_enough(issuer: FakeIssuer, path: str) -> None:
    async def fail_once(_: web.Request) -> web.StreamResponse:
        del issuer.failing[path]
        return web.Response(status=503)

    issuer.failing[path] = fail_once
    await starting(issuer)
    assert issuer.asked[path] == 2


async def test_an_issuer_that_does_not_answer_is_not_waited_for(issuer: FakeIssuer) -> None:
    never = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    issuer.failing[KEYS] = silent
    with pytest.raises(Unavailable, match="no answer in time"):
        await starting(issuer, fetch_timeout_s=0.05)
    never.set()


@pytest.mark.parametrize(
    ("body", "said"), [(b"<html>", "not JSON"), (b"[]", "not a JSON object"), (b" " * 300_000, "longer than")]
)
@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
async def test_an_answer_of_another_kind_is_described(issuer: FakeIssuer, path: str, body: bytes, said: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    issuer.failing[path] = answer
    with pytest.raises(Unavailable, match=said) as refused:
        await starting(issuer)
    assert path in str(refused.value)


async def test_a_redirect_is_not_followed(issuer: FakeIssuer) -> None:
    async def moved(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{issuer.url}/elsewhere")

    issuer.failing[DISCOVERY] = moved
    with pytest.raises(Unavailable, match="status 302"):
        await starting(issuer)
    assert "/elsewhere" not in issuer.asked


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"issuer": "https://other"}, "speaks for the issuer 'https://other'"),
        ({"issuer": None}, "speaks for the issuer None"),
        ({"jwks_uri": None}, "jwks_uri must be"),
        ({"jwks_uri": 7}, "jwks_uri must be"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri must be"),
        ({"jwks_uri": "http://[broken"}, "jwks_uri must be"),
    ],
)
async def test_a_discovery_that_does_not_fit_is_not_tried_again(
    issuer: FakeIssuer, document: dict[str, Any], said: str
) -> None:
    issuer.discovery = document
    with pytest.raises(Misconfigured, match=said):
        await starting(issuer)
    assert issuer.asked[DISCOVERY] == 1


def test_an_issuer_met_over_https_is_not_left_for_http() -> None:
    assert _may_follow("https://issuer", "https://keys.example/x")
    assert not _may_follow("https://issuer", "http://issuer/keys")
    assert _may_follow("http://localhost", "http://localhost/keys")


async def test_proxies_of_the_environment_are_not_used(issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    await starting(issuer)


async def test_the_repr_says_who_is_trusted_and_shows_no_token(issuer: FakeIssuer) -> None:
    token = RSA.sign(issuer.claims())
    async with opened_authenticator(oidc(issuer)) as authenticator:
        await authenticator.authenticate(f"Bearer {token}")
        assert issuer.url in repr(authenticator)
        assert "<GoodTokens 1 of" in repr(authenticator)
        assert token not in repr(authenticator)
