"""An OpenID Connect issuer on loopback: a real HTTP server with discovery, keys and tokens, made to fail at will."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "the-api"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache  # one pair per name and process: making an RSA pair takes a tenth of a second
def private_key(name: str, kind: str) -> PrivateKey:
    """A key pair of its own for each name and kind, one for all RSA methods."""
    if kind.startswith("ES"):
        return ec.generate_private_key(
            {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[kind]
        )
    if kind == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=1024 if name == "weak" else 2048)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key as the issuer knows it: by id, for one method."""

    id: str
    method: str = "RS256"

    @property
    def pair(self) -> PrivateKey:
        return private_key(self.id, "RSA" if self.method[:2] in ("RS", "PS") else self.method)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """Its public half, as published; a change to None leaves a member out."""
        form: Any = {"Ed": OKPAlgorithm, "ES": ECAlgorithm}.get(self.method[:2], RSAAlgorithm)
        members = form.to_jwk(self.pair.public_key(), as_dict=True)
        members = members | {"kid": self.id, "alg": self.method, "use": "sig", "key_ops": None} | changes
        return {name: value for name, value in members.items() if value is not None}

    def sign(self, claims: Any, **header: Any) -> str:
        """A token with these claims. A header set to None is left out."""
        members: dict[str, Any] = {"kid": self.id, **header}
        text = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        members = {name: value for name, value in members.items() if value is not None}
        return jwt.PyJWS().encode(text, self.pair, self.method, members)

    def sign_with_the_public_half(self, claims: Any) -> str:
        """The classic confusion: an HS256 token whose shared secret is the public key, which anybody has."""
        pem = self.pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT', 'kid': self.id})}.{_segment(claims)}"
        return f"{signed}.{_base64(hmac.digest(pem, signed.encode(), 'sha256'))}"

    def unsigned(self, claims: Any, method: str = "none") -> str:
        """A token that says it needs no signature."""
        return f"{_segment({'alg': method, 'kid': self.id})}.{_segment(claims)}."


def _segment(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class FakeIssuer:
    """The issuer's state, which tests change while it runs.

    keys: published now. asked: how often each path was requested. failing: answers instead, by path.
    """

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    failing: dict[str, Answer] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)

    def publish(self, *keys: SigningKey) -> None:
        """Publish these keys and no others."""
        self.keys = [key.jwk() for key in keys]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims that open the door; a change to None leaves one out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "sub": "ann",
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path] += 1
        if request.path in self.failing:
            return await self.failing[request.path](request)
        if request.path == DISCOVERY:
            return web.json_response({"issuer": self.url, "jwks_uri": self.url + KEYS} | self.discovery)
        if request.path == KEYS:
            return web.json_response({"keys": self.keys})
        raise web.HTTPNotFound


@asynccontextmanager
async def running_issuer(*keys: SigningKey, port: int = 0) -> AsyncIterator[FakeIssuer]:
    """An issuer that listens while the context lasts."""
    issuer = FakeIssuer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", issuer.answer)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        issuer.publish(*keys)
        yield issuer
    finally:
        await runner.cleanup()
