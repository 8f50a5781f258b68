"""The API described: ``/openapi.json`` for programs, ``/docs`` for people, without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import proto

_DOCUMENT = Path(proto.__file__).with_name("openapi.json")
_PAGE = Path(__file__).with_name("static")

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def description_routes() -> Sequence[BaseRoute]:
    """The routes; ``/`` leads to the page."""
    document = _DOCUMENT.read_bytes()
    page = (_PAGE / "index.html").read_bytes()

    async def tell(_request: Request) -> Response:
        return Response(document, media_type="application/json")

    async def show(_request: Request) -> Response:
        return Response(page, headers=_PAGE_HEADERS, media_type="text/html")

    async def lead(_request: Request) -> Response:
        return RedirectResponse("docs")

    return (
        Route("/", lead),
        Route("/openapi.json", tell),
        Route("/docs", show),
        Mount("/docs", _Guarded(StaticFiles(directory=_PAGE))),
    )


class _Guarded:
    """The page's headers on its files too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_PAGE_HEADERS)
            await send(message)

        await self._app(scope, receive, send_guarded)
