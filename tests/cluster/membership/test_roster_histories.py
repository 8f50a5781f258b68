"""Any history of views, cards, silences, farewells and outages: two nodes that know the same end with the same ring."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cluster.hashring.ring import Ring
from cluster.member import Member
from cluster.peers.card import Card, CardState, PeerRefused
from tests.cluster.membership.stage import SILENT, Answer, Stage, card, listed

NAMES = "abcde"
CALM_S = 300.0
nodes = st.sampled_from(NAMES)


class Histories(RuleBasedStateMachine):
    """The model is what each node says when asked; whoever says that it serves has a place, the others have not.

    The two observers are nodes of the cluster and answer each other always, so silence of a third is not taken for
    their own isolation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world: dict[str, Answer] = {f"{name}:5000": SILENT for name in NAMES}
        self.ever_served: set[Member] = {card("p").member, card("q").member}
        self.stages = [Stage("p"), Stage("q")]
        for stage in self.stages:
            stage.answers = self.world
            stage.say(card("p"), card("q"))
        self.kept_while_lost: dict[str, set[str]] = {}

    @rule(name=nodes, state=st.sampled_from(CardState), weight=st.sampled_from([1, 1, 2]))
    def speak(self, name: str, state: CardState, weight: int) -> None:
        shown = card(name, state, weight=weight)
        self.world[shown.member.address] = shown
        if state is CardState.SERVING:
            self.ever_served.add(shown.member)
        else:
            self.may_leave(name)

    @rule(name=nodes)
    def be_silent(self, name: str) -> None:
        self.world[f"{name}:5000"] = SILENT

    @rule(name=nodes)
    def be_a_stranger(self, name: str) -> None:
        self.world[f"{name}:5000"] = PeerRefused("another key")
        self.may_leave(name)

    @rule(view=st.sets(nodes), whose=st.sampled_from(["p", "q", "pq"]))
    def list_some(self, view: set[str], whose: str) -> None:
        for me, stage in zip("pq", self.stages, strict=True):
            if me in whose:
                self.kept_while_lost.pop(me, None)
                stage.see(listed("p", "q", *view))

    @rule(whose=st.sampled_from(["p", "q", "pq"]))
    def lose_the_engine(self, whose: str) -> None:
        for me, stage in zip("pq", self.stages, strict=True):
            if me in whose:
                stage.lose()
                decided = stage.roster._decided()
                kept = {member.address for member in stage.members & decided}
                self.kept_while_lost.setdefault(me, kept)

    @rule(name=nodes)
    def say_farewell(self, name: str) -> None:
        self.speak(name, CardState.LEAVING, 1)
        self.each(lambda stage: stage.farewell(name))

    @rule(name=nodes)
    def doubt(self, name: str) -> None:
        self.each(lambda stage: stage.roster.doubted(f"{name}:5000", stage.now_s))

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 5.0, 30.0, 90.0]))
    def wait(self, seconds: float) -> None:
        self.each(lambda stage: stage.wait(seconds))

    @rule()
    def calm_down(self) -> None:
        """Everybody goes on saying the same, and the engine lists all there are."""
        self.list_some(set(NAMES), "pq")
        asked_so_far = [len(stage.asked) for stage in self.stages]
        self.wait(CALM_S)
        serving = {
            said.member for said in self.world.values() if isinstance(said, Card) and said.state is CardState.SERVING
        }
        for stage, so_far in zip(self.stages, asked_so_far, strict=True):
            assert stage.members == serving
            assert stage.roster.is_settled
            assert len(stage.asked) - so_far < len(self.world) * CALM_S * 2.1, (
                "nobody is asked more than twice a second"
            )
        one, other = (Ring.of(stage.members) for stage in self.stages)
        assert [one.owner(bytes([key])) for key in range(100)] == [other.owner(bytes([key])) for key in range(100)]

    @invariant()
    def a_node_is_always_among_its_own_members_and_all_have_once_served(self) -> None:
        for me, stage in zip("pq", self.stages, strict=True):
            assert card(me).member in stage.members
            assert stage.members <= self.ever_served
            assert len({member.address for member in stage.members}) == len(stage.members)

    @invariant()
    def losing_the_engine_removes_nobody_who_has_not_said_so(self) -> None:
        for me, stage in zip("pq", self.stages, strict=True):
            assert self.kept_while_lost.get(me, set()) <= {member.address for member in stage.members}

    @invariant()
    def sets_of_members_do_not_follow_each_other_closely_unless_somebody_said_farewell(self) -> None:
        for stage in self.stages:
            for (earlier_s, before), (later_s, after) in pairwise(stage.published):
                assert later_s - earlier_s >= 0.29 or len(before - after) == 1

    def each(self, act: Callable[[Stage], None]) -> None:
        for stage in self.stages:
            act(stage)

    def may_leave(self, name: str) -> None:
        for kept in self.kept_while_lost.values():
            kept.discard(f"{name}:5000")


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
