"""A process that announces a member until it is killed, again where it is refused: URL ADDRESS ZONE WEIGHT RELEASE."""

from __future__ import annotations

import asyncio
import sys

from cluster.member import Member
from cluster.membership.opening import membership_of
from model.errors import Unavailable


def main(url: str, address: str, zone: str, weight: str, release: str) -> None:
    asyncio.run(announce(url, Member(address, zone, int(weight), release)))


async def announce(url: str, member: Member) -> None:
    membership = membership_of(url)
    while True:
        try:
            await membership.announce(member)
        except Unavailable:
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
