"""Waiting for what another process brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_PATIENCE_S = 10.0
_PAUSE_S = 0.01


async def eventually(claim: Callable[[], Awaitable[bool]], *, patience_s: float = _PATIENCE_S) -> None:
    """Return once the claim is true; fails if it does not become so."""
    for _ in range(int(patience_s / _PAUSE_S)):
        if await claim():
            return
        await asyncio.sleep(_PAUSE_S)
    raise AssertionError("it never became true")
