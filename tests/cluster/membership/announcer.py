"""A process that announces a member until it is killed: URL ADDRESS ZONE WEIGHT RELEASE."""

from __future__ import annotations

import asyncio
import sys

from cluster.member import Member
from cluster.membership.opening import membership_of


def main(url: str, address: str, zone: str, weight: str, release: str) -> None:
    asyncio.run(membership_of(url).announce(Member(address, zone, int(weight), release)))


if __name__ == "__main__":
    main(*sys.argv[1:])
