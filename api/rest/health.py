"""How it stands with the node, over HTTP: for orchestrators and balancers, which ask without a token."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.health import Health, Standing


def health_routes(health: Health) -> Sequence[BaseRoute]:
    """``/livez``: the node runs. ``/readyz``, and ``/healthz`` as the contract calls it: it takes requests, or why not.

    A node that is not ready needs no restart: what it waits for is elsewhere. One whose event loop stands still does,
    and answers neither.
    """

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ALIVE"})

    async def ready(_request: Request) -> Response:
        standing = await health.standing()
        if standing is Standing.SERVING:
            return JSONResponse({"status": "SERVING"})
        return JSONResponse({"status": "NOT_SERVING", "reason": standing.value}, 503)

    return (Route("/livez", live), Route("/readyz", ready), Route("/healthz", ready))
