"""Serf agents that the node starts: they come up, come back, and never outlive it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cluster.member import Member
from cluster.membership.serf import SerfMembership
from cluster.membership.serf_settings import settings_of
from cluster.membership.urls import EngineUrl
from model.errors import Misconfigured, Unavailable
from tests.cluster.membership.watching import PATIENCE_S, announced, wait_for_members, wait_until
from tests.support.loopback import serving
from tests.support.processes import free_port
from tests.support.serf import serf_agents
from tests.support.started_serf import NotedSerf, noted_serf

ANN = Member("10.0.0.1:5000", zone="a", weight=3, release="0.1.0")
BEN = Member("[fd00::2]:5000")
AUTH = "open-sesame"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER_KEY = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def serf() -> Iterator[NotedSerf]:
    with noted_serf() as program:
        yield program


class Node:
    """What one node is told, its ports chosen."""

    def __init__(self, serf: NotedSerf) -> None:
        self.gossip = f"127.0.0.1:{free_port()}"
        self.rpc_port = free_port()
        self._serf = serf

    def url(self, *options: str) -> str:
        given = [f"bind={self.gossip}", f"binary={self._serf.program}", "profile=local", *options]
        return f"serf://127.0.0.1:{self.rpc_port}?agent=start&{'&'.join(given)}"

    def membership(self, *options: str) -> SerfMembership:
        return SerfMembership.of(self.url(*options))


@pytest.fixture
def node(serf: NotedSerf) -> Node:
    return Node(serf)


@pytest.fixture
def other(serf: NotedSerf) -> Node:
    return Node(serf)


async def test_an_agent_lives_as_long_as_the_announcement(serf: NotedSerf, node: Node) -> None:
    one = node.membership()

    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        assert len(serf.running()) == 1

    assert serf.running() == []


async def test_an_agent_that_dies_is_started_again_and_views_resume(serf: NotedSerf, node: Node) -> None:
    one = node.membership()
    with capture_logs() as events:
        async with announced(one, ANN):
            await wait_for_members(one, ANN)
            [first] = serf.running()
            for _ in range(2):
                async with aclosing(one.views()) as views:
                    assert await anext(views) == {ANN}
                    serf.kill()
                    with pytest.raises(Unavailable):
                        await anext(views)
                await wait_for_members(one, ANN)
            assert first not in serf.running()

    pauses = [event["pause_s"] for event in events if event["event"] == "the serf agent ended and is started again"]
    assert pauses == [0.5, 1.0]


async def test_agents_never_cease_to_join_those_they_were_told(node: Node, other: Node) -> None:
    early, late = node.membership(f"join={other.gossip}"), other.membership()

    async with announced(early, ANN):
        await wait_for_members(early, ANN)
        async with announced(late, BEN):
            await wait_for_members(late, ANN, BEN)


async def test_an_agent_remembers_the_others_by_its_snapshot(node: Node, other: Node, tmp_path: Path) -> None:
    snapshot = f"snapshot={tmp_path / 'snapshot'}"
    one, told, untold = node.membership(), other.membership(f"join={node.gossip}", snapshot), other.membership(snapshot)

    async with announced(one, ANN):
        async with announced(told, BEN):
            await wait_for_members(told, ANN, BEN)
        async with announced(untold, BEN):
            await wait_for_members(untold, ANN, BEN)


async def test_gossip_with_another_key_is_not_heard(serf: NotedSerf, node: Node, other: Node) -> None:
    stranger = Node(serf)
    one, two = node.membership(f"key={KEY}"), other.membership(f"key={KEY}", f"join={node.gossip}")
    three = stranger.membership(f"key={OTHER_KEY}", f"join={node.gossip}")

    with capture_logs():
        async with announced(one, ANN), announced(two, BEN), announced(three, Member("10.0.0.3:5000")):
            await wait_for_members(three, Member("10.0.0.3:5000"))
            await wait_for_members(one, ANN, BEN)


async def test_keys_stand_on_no_command_line_and_in_no_text_of_ours(serf: NotedSerf, node: Node) -> None:
    one = node.membership(f"auth={AUTH}", f"key={KEY}")
    with capture_logs() as events:
        async with announced(one, ANN):
            await wait_for_members(one, ANN)
            [pid] = serf.running()
            told = await asyncio.to_thread(told_openly, pid)

    for text in (told, repr(one), repr(one._settings), repr(events)):
        assert AUTH not in text
        assert KEY not in text


def told_openly(pid: int) -> str:
    return "".join(Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8") for file in ("cmdline", "environ"))


async def test_an_interrupt_from_the_terminal_does_not_reach_the_agent(serf: NotedSerf, node: Node) -> None:
    one = node.membership()
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        [pid] = serf.running()
        assert os.getpgid(pid) != os.getpgid(0)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_an_agent_does_not_outlive_its_node(serf: NotedSerf, node: Node, end: signal.Signals) -> None:
    with process_announcing(node.url(), BEN) as process:
        await wait_for_members(node.membership(), BEN)
        assert len(serf.running()) == 1
        process.send_signal(end)
        process.wait()
        await wait_until(lambda: not serf.running())


@contextmanager
def process_announcing(url: str, member: Member) -> Iterator[subprocess.Popen[bytes]]:
    announcer = (sys.executable, "-m", "tests.cluster.membership.announcer")
    with subprocess.Popen([*announcer, url, member.address, "", "1", ""]) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_an_agent_that_does_not_want_to_leave_is_killed(serf: NotedSerf, node: Node) -> None:
    one = node.membership()
    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        [pid] = serf.running()
        os.kill(pid, signal.SIGSTOP)

    assert serf.running() == []


async def test_a_program_that_is_not_there_is_misconfigured(node: Node) -> None:
    one = SerfMembership.of(f"serf://127.0.0.1:{node.rpc_port}?agent=start&binary=/nowhere/serf")

    with pytest.raises(Misconfigured, match="/nowhere/serf"):
        await one.announce(ANN)


async def test_an_agent_that_ends_at_once_is_told_with_its_last_words(serf: NotedSerf, node: Node) -> None:
    serf.break_down()

    with pytest.raises(Unavailable, match="out of order"):
        await node.membership().announce(ANN)


async def test_an_agent_that_will_not_carry_our_tags_is_told(serf: NotedSerf, node: Node) -> None:
    with pytest.raises(Unavailable, match=r"it refused tags: .*limit"):
        await node.membership().announce(replace(ANN, zone="x" * 600))

    assert serf.running() == []


async def test_an_agent_that_stands_still_is_told_and_killed(serf: NotedSerf, node: Node) -> None:
    one = SerfMembership(replace(settings_of(EngineUrl.parse(node.url())), reply_s=0.3))
    announcing = asyncio.create_task(one.announce(ANN))
    await wait_for_members(one, ANN)
    [pid] = serf.running()
    os.kill(pid, signal.SIGSTOP)

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable, match="no answer"):
            await announcing
    assert serf.running() == []


async def test_addresses_where_nobody_answers_do_not_keep_it_from_joining_others(node: Node, other: Node) -> None:
    async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(say_nothing) as port:
        silent = f"127.0.0.1:{port}"
        one, two = node.membership(), other.membership(f"join={silent},127.0.0.1:{free_port()},{node.gossip}")
        async with announced(one, ANN), announced(two, BEN):
            await wait_for_members(two, ANN, BEN, within_s=9)


async def test_an_agent_that_stops_coming_up_is_told(serf: NotedSerf, node: Node) -> None:
    one = node.membership()
    announcing = asyncio.create_task(one.announce(ANN))
    await wait_for_members(one, ANN)

    serf.break_down()
    serf.kill()

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable, match="out of order"):
            await announcing


async def test_an_agent_of_others_at_our_port_is_left_alone(serf: NotedSerf) -> None:
    with serf_agents() as strangers:
        stranger = strangers.new()
        one = SerfMembership.of(
            f"serf://127.0.0.1:{stranger.rpc_port}?agent=start&bind=127.0.0.1:{free_port()}&binary={serf.program}"
        )
        with pytest.raises(Unavailable, match="address already in use"):
            await one.announce(ANN)

        assert stranger.tags() == {"role": "db"}
    assert serf.running() == []


async def test_what_an_agent_complains_of_is_a_warning_of_ours(node: Node) -> None:
    one = node.membership(f"join=127.0.0.1:{free_port()}")
    with capture_logs() as events:
        async with announced(one, ANN):
            await wait_until(lambda: "warning" in levels_of_agent(events))

    assert levels_of_agent(events) <= {"debug", "warning", "error"}


def levels_of_agent(events: Sequence[Mapping[str, object]]) -> set[object]:
    return {event["log_level"] for event in events if event["event"] == "serf agent"}
