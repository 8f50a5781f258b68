"""Members as given."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from cluster.member import Member
from cluster.membership.static import StaticMembership
from model.errors import Misconfigured


async def test_those_given_are_the_one_and_only_view() -> None:
    async with aclosing(StaticMembership.of("static://a:5000,[fd00::1]:5001,a:5000").views()) as views:
        assert await anext(views) == {Member("a:5000"), Member("[fd00::1]:5001")}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(views)


async def test_announcing_waits_to_be_cancelled() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await StaticMembership.of("static://a:5000").announce(Member("b:5000"))


@pytest.mark.parametrize(
    ("url", "quoted"),
    [
        ("static://", "''"),
        ("static://a:5000,", "''"),
        ("static://a:5000,b", "'b'"),
        ("static://a:5000,b:0", "'b:0'"),
        ("static://a:5000/b:5000", "static://a:5000/b:5000"),
        ("static://a:5000?b=c", "'b'"),
        ("static://:secret@a:5000", "static://a:5000"),
    ],
)
def test_a_list_of_another_form_is_misconfigured(url: str, quoted: str) -> None:
    with pytest.raises(Misconfigured) as told:
        StaticMembership.of(url)
    assert quoted in str(told.value)
