"""What the REST listener can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestSettings:
    """Where REST is served and to which web pages; port 0 picks a free one.

    cors_origins: origins like ``https://app.example.com`` whose pages may call, ``https://*.example.com`` for all
    subdomains, ``*`` for all there are. cors_headers: the request headers that those pages may send.
    """

    port: int = 3476
    cors_origins: tuple[str, ...] = ("*",)
    cors_headers: tuple[str, ...] = ("*",)
