"""Choosing who is let in. What asks an issuer takes a fifth of a start to load, so it is loaded where it is needed."""
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.auth.bearer import Anyone, Authenticator
from api.auth.preshared import PresharedKeys
from api.auth.settings import AuthSettings, PresharedSettings


@asynccontextmanager
async def opened_authenticator(settings: AuthSettings | None) -> AsyncIterator[Authenticator]:
    """What authenticates while the context lasts, and its ``keep_current`` runs; None lets everybody in.

    Raises Misconfigured or Unavailable, saying why, if nobody could ever be let in.
    """
    if settings is None:
        yield Anyone()
    elif isinstance(settings, PresharedSettings):
        yield PresharedKeys(settings)
    else:
        from api.auth.issuer import found_issuer
        from api.auth.key_ring import KeyRing
        from api.auth.oidc import OidcTokens

        async with found_issuer(settings) as (issuer, keys):
            yield OidcTokens(settings, KeyRing(issuer, keys, settings))
