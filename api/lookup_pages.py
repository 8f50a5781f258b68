"""Pages of lookups. The continuous token holds the whole position: snapshot, schema version and the last id given.

So pages join up whatever is written between them, and a page is all that is kept. Its form is base64 of the three,
blanks between them, opaque to clients.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple, Protocol

from cluster.invoker.invoker import Lookup
from model.errors import ErrorCode, InvalidRequest
from model.snapshot import encode_snap_token


class Cursor(NamedTuple):
    """Where a list goes on. beyond: the last id that was given; empty for the start, as are the others for head."""

    snap_token: str
    schema_version: str
    beyond: str

    @property
    def token(self) -> str:
        """The continuous token."""
        return base64.b64encode(" ".join(self).encode()).decode()


class Metadata(Protocol):
    """What the metadata of lookups have in common."""

    snap_token: str
    schema_version: str


class IdPage(NamedTuple):
    """Some ids in order, and the token of the next page; empty when nothing follows."""

    ids: list[str]
    next_token: str


def cursor_of(token: str, metadata: Metadata) -> Cursor:
    """Where to begin: at the token, which wins over the metadata, else at the start.

    Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN), quoting a token that is not ours.
    """
    if not token:
        return Cursor(metadata.snap_token, metadata.schema_version, "")
    try:
        snap_token, schema_version, beyond = base64.b64decode(token, validate=True).decode().split(" ")
    except (binascii.Error, ValueError) as error:
        raise _bad_token(token) from error
    if not (snap_token and schema_version and beyond):
        raise _bad_token(token)
    return Cursor(snap_token, schema_version, beyond)


async def page_of(lookup: Lookup, size: int) -> IdPage:
    """The next ``size`` ids of a lookup, which is closed."""
    ids: list[str] = []
    token = ""
    async with aclosing(tokens_of(lookup, size)) as found:
        async for one, following in found:
            ids.append(one)
            token = following
    return IdPage(ids, token)


async def tokens_of(lookup: Lookup, size: int) -> AsyncGenerator[tuple[str, str]]:
    """The next ``size`` ids of a lookup, each with the token that goes on behind it; empty if nothing follows."""
    snap_token, version = encode_snap_token(lookup.pinned.snapshot), lookup.pinned.schema_version
    given = 0
    last = ""
    async with aclosing(lookup.ids) as ids:
        async for following in ids:
            if last:
                yield last, Cursor(snap_token, version, last).token
                given += 1
                if given == size:
                    return
            last = following
    if last:
        yield last, ""


def _bad_token(token: str) -> InvalidRequest:
    return InvalidRequest(f"malformed continuous token {token[:200]!r}", ErrorCode.INVALID_CONTINUOUS_TOKEN)
