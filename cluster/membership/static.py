"""Members as given: ``static://a:5000,b:5000,c:5000``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from cluster.member import Member
from cluster.membership.urls import EngineUrl, joined_address


class StaticMembership:
    """The same members for ever. Who of them is there, their peer ports tell."""

    def __init__(self, members: frozenset[Member]) -> None:
        self._members = members

    def __repr__(self) -> str:
        return f"<StaticMembership of {len(self._members)} members>"

    @classmethod
    def of(cls, text: str) -> StaticMembership:
        """The engine of a URL. Raises Misconfigured for an address that is none."""
        url = EngineUrl.parse(text)
        url.allow_only()
        if url.path or url.user or url.password:
            raise url.refusal("expected static://host:port,host:port,…")
        addresses = [joined_address(*url.address(part)) for part in url.authority.split(",")]
        return cls(frozenset(map(Member, addresses)))

    async def announce(self, me: Member) -> None:  # noqa: ARG002 - whoever wrote the list has announced us
        """Wait to be cancelled."""
        await _for_ever()

    async def views(self) -> AsyncGenerator[frozenset[Member]]:
        """The members, once."""
        yield self._members
        await _for_ever()


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()
