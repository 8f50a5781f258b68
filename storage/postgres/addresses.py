"""Addresses of servers, as far as they may be shown."""

from __future__ import annotations


def place_of(uri: str) -> str:
    """``host:port/database`` of an address, which may be shown: neither user nor password nor options."""
    address = uri.partition("://")[2].partition("?")[0]
    authority, slash, database = address.partition("/")
    return f"{authority.rpartition('@')[2]}{slash}{database}"
