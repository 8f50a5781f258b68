"""Lets in whoever knows a token."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Guard:
    """Asks for a token before an application is: ``Bearer TOKEN``, or ``Basic`` with it as the password of anybody."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application, or refuse."""
        shown = _shown(Headers(scope=scope).get("authorization", ""))
        if hmac.compare_digest(shown, self._token):
            await self._app(scope, receive, send)
            return
        headers = {"WWW-Authenticate": 'Basic realm="profiles"'}
        await PlainTextResponse("show the token, as a bearer or as a password\n", 401, headers)(scope, receive, send)


def _shown(authorization: str) -> bytes:
    """The token a header shows; empty if it shows none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode()
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
