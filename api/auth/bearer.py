"""The port of authentication, and the form of the header every method shares."""

from __future__ import annotations

from typing import Protocol

from model.errors import ErrorCode, Unauthenticated

_LONGEST_TOKEN = 16 * 1024  # characters; gRPC and HTTP take no more of metadata or headers either


class Authenticator(Protocol):
    """Tells callers that may ask from callers that may not."""

    async def authenticate(self, authorization: str | None) -> None:
        """Return if the header opens the door.

        Raises Unauthenticated if it does not, and Unavailable if that cannot be known now. Suspends only where
        something must be fetched; may be cancelled.
        """
        ...

    async def keep_current(self) -> None:
        """Work that must run beside the calls; returns if there is none, else goes on until cancelled."""
        ...


class Anyone:
    """Lets everybody in."""

    def __repr__(self) -> str:
        return "<Anyone>"

    async def authenticate(self, authorization: str | None) -> None:
        """Never turns anybody away."""

    async def keep_current(self) -> None:
        """Nothing to do."""


def bearer_token(authorization: str | None) -> str:
    """The token of ``Bearer <token>``: everything after the first space, a further space included.

    The scheme may be in any case. Raises Unauthenticated (MISSING_BEARER_TOKEN) for anything else, without quoting it:
    what stands there may be a secret in a wrong form. Source: reference wire-api §8.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        text = "expected the header or metadata 'authorization: Bearer <token>'"
        raise Unauthenticated(text, ErrorCode.MISSING_BEARER_TOKEN)
    if len(token) > _LONGEST_TOKEN:
        text = f"the bearer token is longer than {_LONGEST_TOKEN} characters"
        raise Unauthenticated(text, ErrorCode.INVALID_BEARER_TOKEN)
    return token
