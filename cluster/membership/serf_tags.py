"""A member in the tags of a serf agent, which may carry others beside ours."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.member import Member
from cluster.membership.announcements import announced_member, announcement_of

CLUSTER = "ringward"
"""The tag that makes an agent one of ours; its value is the name of the cluster."""
_PREFIX = "ringward_"
_ADDRESS = f"{_PREFIX}address"
OUR_TAGS = (CLUSTER, _ADDRESS, *(f"{_PREFIX}{name}" for name in announcement_of(Member(""))))
"""The names of all of ours."""


def tags_of(member: Member, cluster: str) -> Mapping[str, str]:
    """All of our tags, of a member of that cluster."""
    said = {f"{_PREFIX}{name}": text for name, text in announcement_of(member).items()}
    return {CLUSTER: cluster, _ADDRESS: member.address, **said}


def member_of(tags: Mapping[str, str]) -> Member:
    """The member an agent's tags tell of. Raises ValueError, saying why, if they tell of none."""
    ours = {name.removeprefix(_PREFIX): text for name, text in tags.items() if name.startswith(_PREFIX)}
    return announced_member(ours.pop("address", ""), ours)
