"""Everything under one roof, as an ASGI application: the bindings, health, and the description of it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grpc import StatusCode
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.edge import Edge
from api.rest.bindings import Binding
from api.rest.calls import StreamCall, UnaryCall
from api.rest.cors import Cors
from api.rest.description import description_routes
from api.rest.door import Door
from api.rest.exchange import RPC_HEADERS
from api.rest.health import health_routes
from api.rest.refusal import Refusal
from api.services import StreamEndpoint


def rest_app(edge: Edge, door: Door, *, cors_origins: Sequence[str], cors_headers: Sequence[str]) -> Starlette:
    """The application; it serves every RPC that has an endpoint."""
    app = Starlette(
        routes=[*_call_routes(edge, door), *health_routes(edge.health), *description_routes()],
        middleware=[Middleware(Cors, cors_origins, cors_headers)],
        exception_handlers={HTTPException: _refuse_path},
    )
    app.router.redirect_slashes = False
    return app


def _call_routes(edge: Edge, door: Door) -> Iterator[BaseRoute]:
    """In the order of the services: a path is compared with one after the other, and Check comes first."""
    for endpoint in edge.services.endpoints.values():
        binding = Binding.of(endpoint.rpc.descriptor)
        call = (
            StreamCall(endpoint, binding, door, edge.observation)
            if isinstance(endpoint, StreamEndpoint)
            else UnaryCall(endpoint, binding, door, edge.observation)
        )
        yield Route(binding.path, call, methods=[binding.method], name=endpoint.rpc.name)


async def _refuse_path(_request: Request, error: Exception) -> Response:
    """Paths and methods that are not served, in the contract's words. Source: reference wire-api §2."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        refusal = Refusal.plain(501, StatusCode.UNIMPLEMENTED, "Method Not Allowed")
    else:
        refusal = Refusal.plain(404, StatusCode.NOT_FOUND, "Not Found")
    return Response(refusal.body, refusal.http_status, {**RPC_HEADERS, **(error.headers or {})}, "application/json")
