"""Asking the issuer over HTTP: where its keys are, then for its keys.

What comes back is somebody else's: sizes and times are bounded, redirects are not followed, proxies named in the
environment are not used, and an issuer met over https is not left for http.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import structlog

from api.auth.issuer_keys import IssuerKeys, json_object
from api.auth.settings import OidcSettings
from model.errors import Misconfigured, Unavailable

log = structlog.get_logger(__name__)

_MOST_BYTES = 256 * 1024


class Issuer:
    """Fetches the issuer's keys from where its discovery document says they are."""

    def __init__(self, session: aiohttp.ClientSession, keys_url: str) -> None:
        self._session = session
        self._keys_url = keys_url

    def __repr__(self) -> str:
        return f"<Issuer with keys at {self._keys_url}>"

    async def fetch_keys(self) -> IssuerKeys:
        """The keys now. Raises Unavailable, saying why, if they cannot be had."""
        try:
            return IssuerKeys.parse(await _fetch(self._session, self._keys_url))
        except ValueError as error:
            raise Unavailable(f"{self._keys_url}: {error}") from error


@asynccontextmanager
async def found_issuer(settings: OidcSettings) -> AsyncIterator[tuple[Issuer, IssuerKeys]]:
    """The issuer and its first keys, asked again with growing pauses while it cannot be reached.

    Raises Unavailable if it cannot be reached in the end, and Misconfigured if what it says of itself does not fit.
    """
    timeout = aiohttp.ClientTimeout(total=settings.fetch_timeout_s)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield await _found(session, settings)


async def _found(session: aiohttp.ClientSession, settings: OidcSettings) -> tuple[Issuer, IssuerKeys]:
    for left in reversed(range(settings.start_tries)):
        try:
            issuer = Issuer(session, await _discover(session, settings.issuer))
            return issuer, await issuer.fetch_keys()
        except Unavailable as error:
            if not left:
                raise Unavailable(f"cannot start without the keys of the token issuer: {error}") from error
            log.warning("the token issuer cannot be reached yet", issuer=settings.issuer, error=str(error))
        await asyncio.sleep(settings.start_pause_s * 2 ** (settings.start_tries - 1 - left))
    raise AssertionError("the last try returns or raises")


async def _discover(session: aiohttp.ClientSession, issuer: str) -> str:
    """Where the issuer's keys are. Source: OpenID Connect Discovery 1.0 §4."""
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        document = json_object(await _fetch(session, url))
    except ValueError as error:
        raise Unavailable(f"{url}: {error}") from error
    if document.get("issuer") != issuer:
        said = document.get("issuer")
        raise Misconfigured(
            f"{url}: speaks for the issuer {said!r}, not {issuer!r}; authn.oidc.issuer must be the same"
        )
    keys_url = document.get("jwks_uri")
    if not isinstance(keys_url, str) or not _may_follow(issuer, keys_url):
        raise Misconfigured(f"{url}: jwks_uri must be a URL as safe as the issuer's own, got {keys_url!r}")
    return keys_url


def _may_follow(issuer: str, url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    schemes = ("https",) if urlsplit(issuer).scheme == "https" else ("https", "http")
    return parts.scheme in schemes and bool(parts.hostname)


async def _fetch(session: aiohttp.ClientSession, url: str) -> bytes:
    """The body of a 200 answer. Raises Unavailable if there is none, or a longer one than is accepted."""
    try:
        async with session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response:
            if response.status != 200:
                raise Unavailable(f"{url}: answered with status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(16 * 1024):
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise Unavailable(f"{url}: the answer is longer than {_MOST_BYTES} bytes")
            return bytes(body)
    except TimeoutError as error:
        raise Unavailable(f"{url}: no answer in time") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Unavailable(f"{url}: {error or type(error).__name__}") from error
