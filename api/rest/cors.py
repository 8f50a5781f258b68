"""Which web pages may call: Starlette's CORS, with the contract's answers. Source: reference wire-api §3."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

_METHODS = ("GET", "POST", "HEAD", "PATCH", "DELETE", "PUT")


class Cors(CORSMiddleware):
    """Lets pages of some origins call: ``*`` means all, and within an origin any subdomain, ``https://*.example.com``.

    A page of a named origin may send cookies and client certificates along. With ``*`` the answer says so too, as the
    contract has it, and browsers do not do it: they ask for the origin to be named, and naming whoever asks would lend
    the user's credentials to every page there is. Tokens are no matter of this: a page that has one may send it.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str], headers: Sequence[str]) -> None:
        is_open = "*" in origins
        super().__init__(
            app,
            allow_origins=origins,
            allow_origin_regex="|".join(_pattern(origin) for origin in origins if "*" in origin and not is_open)
            or None,
            allow_methods=_METHODS,
            allow_headers=headers,
            allow_credentials=not is_open,
            expose_headers=("Retry-After",),
        )
        for own_headers in (self.simple_headers, self.preflight_headers):
            own_headers["Access-Control-Allow-Credentials"] = "true"

    def preflight_response(self, request_headers: Headers) -> Response:
        """Tell a browser what is allowed, and nothing more: it compares by itself, so a refusal needs no status."""
        told = super().preflight_response(request_headers).headers
        about_the_body = {"content-length", "content-type"}
        return Response(status_code=204, headers={name: told[name] for name in told if name not in about_the_body})


def _pattern(origin: str) -> str:
    return re.escape(origin).replace(r"\*", "[a-zA-Z0-9.-]*")
