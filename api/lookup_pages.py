"""Pages of lookups. The continuous token holds the whole position: snapshot, schema version and the last id given.

So pages join up whatever is written between them, and a page is all that is kept. Its form is base64 of the three,
blanks between them, opaque to clients.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple, Protocol

from cluster.invoker.invoker import Lookup
from model.snapshot import encode_snap_token
from storage.tokens import bad_token, lower_bound_of, token_of


class Cursor(NamedTuple):
    """Where a list goes on. beyond: the last id that was given; empty for the start, as are the others for head."""

    snap_token: str
    schema_version: str
    beyond: str

    @property
    def token(self) -> str:
        """The continuous token."""
        return token_of(" ".join(self))


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
    parts = lower_bound_of(token).split(" ")
    if len(parts) != 3 or not all(parts):
        raise bad_token(token)
    return Cursor(*parts)


async def page_of(lookup: Lookup, size: int) -> IdPage:
    """The next ``size`` ids of a lookup, which is closed."""
    ids: list[str] = []
    async with aclosing(lookup.ids) as found:
        async for one in found:
            if len(ids) == size:
                pinned = lookup.pinned
                return IdPage(ids, Cursor(encode_snap_token(pinned.snapshot), pinned.schema_version, ids[-1]).token)
            ids.append(one)
    return IdPage(ids, "")


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
