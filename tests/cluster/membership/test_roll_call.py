"""The shell: engines that fail, nodes that answer, and a ring that is always there. Time leaps, nobody sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from cluster.hashring.ring import Ring
from cluster.invoker.answers import NoAnswer
from cluster.member import Member
from cluster.membership.roll_call import RollCall
from cluster.peers.card import Card, CardState, PeerRefused
from model.errors import Misconfigured, Unavailable
from tests.cluster.membership.stage import SILENT, Answer, card, listed
from tests.support.leaping_loop import leaping


class ScriptedEngine:
    """Gives the views, or raises the failures, that it is told to; notes what becomes of announcements."""

    def __init__(self) -> None:
        self.script: asyncio.Queue[frozenset[Member] | Exception] = asyncio.Queue()
        self.followed_at_s: list[float] = []
        self.views_closed = 0
        self.announced_at_s: list[float] = []
        self.taken_back = 0
        self.announcement_failure: Exception | None = None

    async def announce(self, me: Member) -> None:
        assert me == card("me").member
        self.announced_at_s.append(now_s())
        if self.announcement_failure is not None:
            raise self.announcement_failure
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.taken_back += 1

    async def views(self) -> AsyncGenerator[frozenset[Member]]:
        self.followed_at_s.append(now_s())
        try:
            while True:
                told = await self.script.get()
                if isinstance(told, Exception):
                    raise told
                yield told
        finally:
            self.views_closed += 1

    def tell(self, *names: str) -> None:
        self.script.put_nowait(listed(*names))


class ScriptedCards:
    """Answers as told, each after so long; notes who was asked and how many were at once."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Exception] = {}
        self.takes_s = 0.0
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0

    async def card_of(self, address: str) -> Card:
        self.asked.append(address)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.at_once -= 1
        answer = self.answers.get(address, SILENT)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            raise NoAnswer(f"nobody answers at {address}")
        return answer

    def say(self, *cards: Card) -> None:
        self.answers |= {one.member.address: one for one in cards}


class Scene:
    def __init__(self, *, is_zonal: bool = False, zone: str = "") -> None:
        self.engine, self.cards = ScriptedEngine(), ScriptedCards()
        self.roll_call = RollCall(self.engine, self.cards, card("me", zone=zone), is_zonal=is_zonal, chance=lambda: 1.0)

    @property
    def names(self) -> str:
        return " ".join(member.address.split(":")[0] for member in self.roll_call.ring.members)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.roll_call.run())
            try:
                yield
            finally:
                task.cancel()

    async def gather(self, *names: str) -> None:
        self.cards.say(*map(card, names))
        self.engine.tell(*names)
        await asyncio.sleep(2.0)
        assert set(names) <= set(self.names.split())


def now_s() -> float:
    return asyncio.get_running_loop().time()


def played(story: Callable[[Scene], Awaitable[None]], **scene: str | bool) -> Scene:
    """Tell the story while the roll call runs; the scene as it is afterwards."""

    async def play() -> Scene:
        set_up = Scene(**scene)  # type: ignore[arg-type]  # handed on as they are
        async with asyncio.timeout(7 * 24 * 3600.0), set_up.running():
            await story(set_up)
        return set_up

    return leaping(play())


def test_before_anything_is_known_we_own_everything() -> None:
    scene = Scene()
    assert scene.roll_call.ring == Ring.of([card("me").member])
    assert scene.roll_call.ring.owner(b"any") == "me:5000"


def test_members_of_views_enter_the_ring_with_what_their_cards_say() -> None:
    async def story(scene: Scene) -> None:
        scene.cards.say(card("a", weight=3), card("b", CardState.JOINING))
        scene.engine.tell("me", "a", "b", "silent")
        await asyncio.sleep(2.0)
        assert scene.roll_call.ring == Ring.of([card("me").member, card("a", weight=3).member])
        assert scene.roll_call.members == {card("me").member, card("a", weight=3).member}
        scene.cards.say(card("b"))
        await asyncio.sleep(2.0)
        assert scene.names == "a b me"

    played(story)


def test_who_waits_for_another_ring_gets_it_as_soon_as_it_is_published() -> None:
    async def story(scene: Scene) -> None:
        first = scene.roll_call.ring
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(scene.roll_call.changed(first))
            await scene.gather("a")
            assert waiting.done()
        assert waiting.result() is scene.roll_call.ring
        assert await scene.roll_call.changed(first) is scene.roll_call.ring, "at once, if it is known already"

    played(story)


def test_settled_waits_for_the_answers_of_all_and_for_the_ring_of_them() -> None:
    async def story(scene: Scene) -> None:
        scene.cards.takes_s = 1.5
        scene.cards.say(card("a"))
        scene.engine.tell("a", "silent")
        async with asyncio.timeout(10.0):
            await scene.roll_call.settled()
        assert scene.names == "a me"
        assert now_s() == pytest.approx(1.8)

    played(story)


def test_a_node_alone_is_settled_with_the_first_view() -> None:
    async def story(scene: Scene) -> None:
        async with asyncio.TaskGroup() as group:
            settling = group.create_task(scene.roll_call.settled())
            await asyncio.sleep(60.0)
            assert not settling.done(), "the engine has told nothing yet"
            scene.engine.tell("me")

    played(story)


def test_a_farewell_takes_a_member_out_before_time_passes() -> None:
    async def story(scene: Scene) -> None:
        await scene.gather("a", "b")
        at_s = now_s()
        scene.roll_call.farewell("a:5000")
        await scene.roll_call.changed(scene.roll_call.ring)
        assert (scene.names, now_s()) == ("b me", at_s)

    played(story)


def test_a_doubted_member_is_asked_at_once_and_leaves_if_it_stays_silent() -> None:
    async def story(scene: Scene) -> None:
        await scene.gather("a", "b")
        scene.cards.answers["a:5000"] = SILENT
        scene.roll_call.doubt("a:5000")
        await asyncio.sleep(3.0)
        assert scene.names == "b me"

    played(story)


def test_the_ring_of_a_zone_holds_those_of_the_zone_and_members_holds_all() -> None:
    async def story(scene: Scene) -> None:
        scene.cards.say(card("a", zone="east"), card("b", zone="west"))
        scene.engine.tell("a", "b")
        await asyncio.sleep(2.0)
        assert scene.names == "a me"
        assert len(scene.roll_call.members) == 3
        ring = scene.roll_call.ring
        scene.roll_call.farewell("b:5000")
        await asyncio.sleep(1.0)
        assert len(scene.roll_call.members) == 2
        assert scene.roll_call.ring is ring, "what happens elsewhere makes no new ring here"
        scene.roll_call.farewell("a:5000")
        scene.roll_call.retire()
        await asyncio.sleep(1.0)
        assert scene.names == "me", "the last of a zone owns its ring"

    played(story, is_zonal=True, zone="east")


def test_losing_the_engine_keeps_the_ring_and_is_told_once_as_is_its_return() -> None:
    async def story(scene: Scene) -> None:
        await scene.gather("a", "b")
        ring = scene.roll_call.ring
        scene.cards.answers.clear()
        for _ in range(6):
            scene.engine.script.put_nowait(Unavailable("consul at :8500 is away"))
        with capture_logs() as logs:
            connected = [scene.roll_call.is_engine_connected]
            await asyncio.sleep(60.0)
            connected.append(scene.roll_call.is_engine_connected)
            assert scene.roll_call.ring is ring
            scene.engine.tell("a")
            await asyncio.sleep(1.0)
            assert [*connected, scene.roll_call.is_engine_connected] == [True, False, True]
        assert [(entry["log_level"], entry["event"]) for entry in logs if "following" in entry["event"]] == [
            ("warning", "following the members of the cluster fails; tried again until it works"),
            ("info", "following the members of the cluster works again"),
        ]
        assert logs[0]["reason"] == "consul at :8500 is away"
        tries = scene.engine.followed_at_s
        assert [later - earlier for earlier, later in pairwise(tries[1:])] == [1, 2, 4, 8, 15]
        assert scene.engine.views_closed == 6
        await asyncio.sleep(5.0)
        assert scene.names == "a me", "what was missed meanwhile is made up for"

    played(story)


def test_an_engine_whose_adapter_breaks_or_ends_is_tried_again() -> None:
    async def story(scene: Scene) -> None:
        scene.engine.script.put_nowait(KeyError("an adapter's bug"))
        scene.engine.announcement_failure = KeyError("another")
        with capture_logs() as logs:
            await asyncio.sleep(5.0)
            scene.engine.announcement_failure = None
            await scene.gather("a")
        assert sum(entry["log_level"] == "error" for entry in logs) >= 2

    played(story)


def test_a_failing_announcement_is_tried_again_told_once_and_its_success_too() -> None:
    async def story(scene: Scene) -> None:
        scene.engine.announcement_failure = Unavailable("redis at :6379 is away")
        with capture_logs() as logs:
            await asyncio.sleep(20.0)
            scene.engine.announcement_failure = None
            await asyncio.sleep(60.0)
        assert [entry["event"] for entry in logs if "announcing" in entry["event"]] == [
            "announcing this node fails; tried again until it works",
            "announcing this node works again",
        ]

    scene = played(story)
    assert [round(at_s, 1) for at_s in scene.engine.announced_at_s] == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5]
    assert scene.engine.taken_back == 1


def test_a_misconfigured_engine_is_told_of_and_does_not_end_the_node() -> None:
    async def story(scene: Scene) -> None:
        scene.engine.announcement_failure = Misconfigured("the agent wants a key")
        with capture_logs() as logs:
            await scene.gather("a")
        assert "the agent wants a key" in [entry.get("reason") for entry in logs]

    played(story)


def test_who_retires_takes_the_announcement_back_and_leaves_the_ring_to_the_others() -> None:
    async def story(scene: Scene) -> None:
        await scene.gather("a")
        scene.roll_call.retire()
        await scene.roll_call.changed(scene.roll_call.ring)
        assert scene.names == "a"
        await asyncio.sleep(60.0)
        assert scene.engine.taken_back == 1
        assert len(scene.engine.announced_at_s) == 1
        assert scene.names == "a", "we follow the others to the end"

    played(story)


def test_the_refused_are_told_once_each_with_the_reason() -> None:
    async def story(scene: Scene) -> None:
        scene.cards.answers["a:5000"] = PeerRefused("a:5000 has another key")
        with capture_logs() as logs:
            scene.engine.tell("a")
            await asyncio.sleep(200.0)
        assert scene.roll_call.refused == {"a:5000": "a:5000 has another key"}
        assert len(scene.cards.asked) == 7
        told = [entry for entry in logs if entry["event"] == "a node is kept out"]
        assert told == [
            {
                "event": "a node is kept out",
                "log_level": "warning",
                "peer": "a:5000",
                "reason": "a:5000 has another key",
            }
        ]

    played(story)


def test_changes_are_logged_with_who_came_and_who_went() -> None:
    async def story(scene: Scene) -> None:
        with capture_logs() as logs:
            await scene.gather("a", "b")
            scene.roll_call.farewell("a:5000")
            await asyncio.sleep(0.1)
        told = [entry for entry in logs if entry["event"] == "the members have changed"]
        assert [(entry["members"], entry["joined"], entry["left"]) for entry in told] == [
            (3, ["a:5000", "b:5000"], []),
            (2, [], ["a:5000"]),
        ]

    played(story)


def test_a_card_that_breaks_whoever_reads_it_counts_as_silence() -> None:
    async def story(scene: Scene) -> None:
        scene.cards.answers["a:5000"] = KeyError("a bug of ours")
        scene.cards.say(card("b"))
        with capture_logs() as logs:
            scene.engine.tell("a", "b")
            await asyncio.sleep(2.0)
        assert scene.names == "b me"
        assert any(entry["log_level"] == "error" and entry["peer"] == "a:5000" for entry in logs)

    played(story)


def test_so_many_nodes_are_asked_at_once_and_no_more() -> None:
    async def story(scene: Scene) -> None:
        names = [f"n{number}" for number in range(80)]
        scene.cards.takes_s = 0.1
        scene.cards.say(*map(card, names))
        scene.engine.tell(*names)
        await asyncio.sleep(5.0)
        assert len(scene.roll_call.ring) == 81
        assert scene.cards.most_at_once == 32

    played(story)


def test_stopping_takes_back_the_announcement_and_closes_the_views() -> None:
    async def story(scene: Scene) -> None:
        await scene.gather("a")
        scene.cards.takes_s = 1e6
        scene.roll_call.doubt("a:5000")
        await asyncio.sleep(1.0)

    scene = played(story)
    assert (scene.engine.taken_back, scene.engine.views_closed, scene.cards.at_once) == (1, 1, 0)
