"""Who may ask and how much: what every call passes before its request is read, whatever transport it came by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple


class Call(NamedTuple):
    """What a transport knows of a call before it reads the request.

    rpc: the full name of the RPC, of reflection too. authorization: the header or metadata of that name, if given.
    """

    rpc: str
    authorization: str | None = None


class Entrance:
    """The one way in."""

    @asynccontextmanager
    async def admitted(self, call: Call) -> AsyncIterator[None]:  # noqa: ARG002
        """Hold the call's place while the context lasts. Raises the AuthzError by which a call is turned away."""
        yield
