"""Everything under one roof, as an ASGI application: the bindings, health, and the description of it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import formatdate

from grpc import StatusCode
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.health import Health
from api.rest.bindings import Binding
from api.rest.calls import StreamCall, UnaryCall
from api.rest.cors import Cors
from api.rest.description import description_routes
from api.rest.door import Door
from api.rest.exchange import RPC_HEADERS
from api.rest.refusal import Refusal
from api.services import Services, StreamEndpoint


def rest_app(
    services: Services, health: Health, door: Door, *, cors_origins: Sequence[str], cors_headers: Sequence[str]
) -> Starlette:
    """The application; it serves every RPC that has an endpoint."""
    app = Starlette(
        routes=[*_call_routes(services, door), _health_route(health), *description_routes()],
        middleware=[Middleware(_Dated), Middleware(Cors, cors_origins, cors_headers)],
        exception_handlers={HTTPException: _refuse_path},
    )
    app.router.redirect_slashes = False
    return app


class _Dated:
    """A Date on every response. Source: RFC 9110 §6.6.1. uvicorn's own comes from a loop that is not run here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", formatdate(usegmt=True).encode())]
            await send(message)

        await self._app(scope, receive, send_dated)


def _call_routes(services: Services, door: Door) -> Iterator[BaseRoute]:
    """In the order of the services: a path is compared with one after the other, and Check comes first."""
    for endpoint in services.endpoints.values():
        binding = Binding.of(endpoint.rpc.descriptor)
        call = (
            StreamCall(endpoint, binding, door)
            if isinstance(endpoint, StreamEndpoint)
            else UnaryCall(endpoint, binding, door)
        )
        yield Route(binding.path, call, methods=[binding.method], name=endpoint.rpc.name)


def _health_route(health: Health) -> BaseRoute:
    async def answer(_request: Request) -> Response:
        if await health.is_serving():
            return JSONResponse({"status": "SERVING"})
        return JSONResponse({"status": "NOT_SERVING"}, 503)

    return Route("/healthz", answer)


async def _refuse_path(_request: Request, error: Exception) -> Response:
    """Paths and methods that are not served, in the contract's words. Source: reference wire-api §2."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        refusal = Refusal.plain(501, StatusCode.UNIMPLEMENTED, "Method Not Allowed")
    else:
        refusal = Refusal.plain(404, StatusCode.NOT_FOUND, "Not Found")
    return Response(refusal.body, refusal.http_status, {**RPC_HEADERS, **(error.headers or {})}, "application/json")
