"""The same entrance and the same certificates, met over HTTP."""
# ruff: noqa: ASYNC110 - what is waited for has no event of its own

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import trustme

from api.auth.settings import PresharedSettings
from api.limits import LimitSettings
from api.rest.settings import RestSettings
from node.node import open_node
from node.settings import NodeSettings
from tests.api.auth.conftest import RSA, oidc
from tests.support.certificates import Files, issue, shown_by
from tests.support.issuer import running_issuer

KEY = "a-key-for-the-entrance"
TOLD = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, http=RestSettings(port=0))
TIMEOUT = aiohttp.ClientTimeout(total=20)


@asynccontextmanager
async def caller(settings: NodeSettings, connector: aiohttp.TCPConnector | None = None) -> AsyncIterator[Any]:
    """Lists tenants of a node over REST: status, headers, body."""
    async with open_node(settings) as node, aiohttp.ClientSession(timeout=TIMEOUT, connector=connector) as session:

        async def call(authorization: str | None = None, path: str = "/v1/tenants/list") -> tuple[int, Any, Any]:
            headers = {} if authorization is None else {"Authorization": authorization}
            how = session.get if path == "/healthz" else session.post
            async with how(node.rest_url + path, headers=headers) as response:
                return response.status, response.headers, await response.json(content_type=None)

        yield call


async def test_keys_are_asked_for_and_health_is_open() -> None:
    async with caller(replace(TOLD, auth=PresharedSettings((KEY,)))) as call:
        assert (await call(f"bearer {KEY}"))[0] == 200
        for authorization, message in (
            (None, "ERROR_CODE_MISSING_BEARER_TOKEN"),
            ("Basic eDp5", "ERROR_CODE_MISSING_BEARER_TOKEN"),
            ("Bearer wrong", "ERROR_CODE_INVALID_KEY"),
            (f"Bearer  {KEY}", "ERROR_CODE_INVALID_KEY"),
        ):
            status, headers, body = await call(authorization)
            assert (status, body["code"], body["message"]) == (401, 16, message)
            assert headers["WWW-Authenticate"] == "Bearer"
            assert KEY not in str(body)
        assert (await call(path="/healthz"))[0] == 200


async def test_tokens_of_an_issuer_open_the_door() -> None:
    async with running_issuer(RSA) as issuer, caller(replace(TOLD, auth=oidc(issuer))) as call:
        assert (await call(f"Bearer {RSA.sign(issuer.claims())}"))[0] == 200
        status, _, body = await call(f"Bearer {RSA.sign_with_the_public_half(issuer.claims())}")
        assert (status, body["message"]) == (401, "ERROR_CODE_INVALID_BEARER_TOKEN")


async def test_over_the_rate_a_caller_learns_when_to_come_again() -> None:
    async with caller(replace(TOLD, limits=LimitSettings(calls_per_s=1))) as call:
        assert (await call())[0] == 200
        status, headers, body = await call()
        assert (status, body["code"], headers["Retry-After"]) == (429, 8, "1")
        assert (await call(path="/healthz"))[0] == 200


async def test_a_renewed_certificate_is_shown_to_new_connections(tmp_path: Path) -> None:
    ca = trustme.CA()
    files = Files(tmp_path)
    files.write(issue(ca))
    async with open_node(replace(TOLD, http_tls=files.settings())) as node, asyncio.timeout(20):
        assert node.rest_url.startswith("https://")
        address = node.rest_url.removeprefix("https://")
        before = await shown_by(address)
        files.write(issue(ca))
        while await shown_by(address) == before:
            await asyncio.sleep(0.01)


async def test_a_client_certificate_is_asked_for(tmp_path: Path) -> None:
    ca = trustme.CA()
    files = Files(tmp_path)
    files.write(issue(ca))
    files.client_ca.write_bytes(ca.cert_pem.bytes())
    settings = replace(TOLD, http_tls=files.settings(asks_clients=True))
    for has_certificate in (True, False):
        context = ssl.create_default_context()
        ca.configure_trust(context)
        if has_certificate:
            issue(ca).configure_cert(context)
        async with caller(settings, aiohttp.TCPConnector(ssl=context)) as call:
            try:
                answered = (await call())[0] == 200
            except aiohttp.ClientError:
                answered = False
        assert answered is has_certificate
