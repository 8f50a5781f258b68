"""What a node says of itself, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.member import Member
from cluster.membership.announcements import announced_member, announcement_of

GOOD = {"zone": "a", "weight": "3", "release": "1.0"}


@given(st.builds(Member, st.just("node-1.example:5000"), st.text(), st.integers(1, 10**9 - 1), st.text()))
def test_what_was_said_is_read_back(member: Member) -> None:
    assert announced_member(member.address, {**announcement_of(member), "more": 1}) == member


@pytest.mark.parametrize("address", ["10.0.0.1:1", "node_2.example:65535", "[::1]:5000"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    assert announced_member(address, GOOD) == Member(address, "a", 3, "1.0")


@pytest.mark.parametrize(
    "address", ["", "nowhere", ":5000", "a:0", "a:65536", "a:b", "::1:5000", "a b:5000", "a:5000\n"]
)
def test_nothing_else_is_an_address(address: str) -> None:
    with pytest.raises(ValueError, match="expected host:port as address"):
        announced_member(address, GOOD)


@pytest.mark.parametrize("weight", ["0", "-1", "", "much", "1.5", "007", "9" * 10, "٣"])
def test_a_weight_is_a_number_above_zero(weight: str) -> None:
    with pytest.raises(ValueError, match="expected a weight of at least 1"):
        announced_member("a:5000", {**GOOD, "weight": weight})


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", [None, 3, ["a"]])
def test_all_that_is_said_are_texts(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"expected a text as {name}"):
        announced_member("a:5000", {**GOOD, name: value})
