"""What a node says of itself, in the form engines can carry: a few short texts by name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cluster.member import Member

_ADDRESS = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})", re.ASCII)
_WEIGHT = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def announcement_of(member: Member) -> dict[str, str]:
    """All of a member but its address."""
    return {"zone": member.zone, "weight": str(member.weight), "release": member.release}


def announced_member(address: str, said: Mapping[str, object]) -> Member:
    """The member that says so; other names are ignored. Raises ValueError, saying why, for what is no announcement."""
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 1 << 16:
        raise ValueError(f"expected host:port as address, got {address!r}")
    texts = {name: said.get(name) for name in ("zone", "weight", "release")}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"expected a text as {name}, got {text!r}")  # noqa: TRY004 - it is input, not a bug
    weight = str(texts["weight"])
    if not _WEIGHT.fullmatch(weight):
        raise ValueError(f"expected a weight of at least 1, got {weight!r}")
    return Member(address, zone=str(texts["zone"]), weight=int(weight), release=str(texts["release"]))
