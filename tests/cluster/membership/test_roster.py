"""Who is in: by the engine's word and the node's own, whichever way the two disagree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.member import Member
from cluster.membership.roster import Roster
from cluster.membership.roster_settings import RosterSettings
from cluster.peers.card import Card, CardState, PeerRefused, Protocols
from tests.cluster.membership.stage import SILENT, Stage, card, listed

JOINING, LEAVING = CardState.JOINING, CardState.LEAVING


@pytest.fixture
def stage() -> Stage:
    return Stage()


# Coming


def test_a_listed_node_enters_once_its_card_says_that_it_serves(stage: Stage) -> None:
    stage.say(card("a"))
    stage.see(listed("me", "a"))
    assert stage.names == "me"
    stage.wait(0.3)
    assert stage.names == "a me"
    assert stage.published == [(0.3, frozenset({card("a").member, card("me").member}))]


def test_a_listed_node_that_does_not_answer_stays_out_and_is_asked_less_and_less_often(stage: Stage) -> None:
    stage.see(listed("a"))
    stage.wait(30.0)
    assert stage.names == "me"
    assert stage.times_asked("a") == [0.0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5, 22.5, 27.5]
    stage.say(card("a"))
    stage.wait(6.0)
    assert stage.names == "a me"


def test_a_joining_node_is_asked_again_until_it_serves(stage: Stage) -> None:
    stage.say(card("a", JOINING))
    stage.see(listed("a"))
    stage.wait(1.9)
    assert stage.times_asked("a") == [0.0, 0.5, 1.0, 1.5]
    assert stage.names == "me"
    stage.say(card("a"))
    stage.wait(0.5)
    assert stage.names == "a me"


def test_the_card_speaks_where_it_and_the_engine_differ(stage: Stage) -> None:
    stage.say(card("a", zone="here", weight=3))
    stage.see({Member("a:5000", zone="there", weight=7, release="0.1")})
    stage.wait(1.0)
    assert card("a", zone="here", weight=3).member in stage.members


@pytest.mark.parametrize(
    ("stranger", "reason"),
    [
        (replace(card("a"), cluster="there"), "it is of cluster there, this node of cluster here"),
        (replace(card("a"), protocols=Protocols(7, 9)), "it speaks peer protocol 7 to 9, this node speaks 1"),
        (card("a", weight=101), "its weight is 101, not 1 to 100"),
        (card("me", weight=5), "it says that peers reach it at me:5000, as this node does"),
        (
            PeerRefused("a:5000 and me:5000 have different cluster keys"),
            "a:5000 and me:5000 have different cluster keys",
        ),
    ],
)
def test_a_stranger_is_refused_with_the_reason_and_asked_again_rarely(
    stage: Stage, stranger: Card | PeerRefused, reason: str
) -> None:
    stage.answers["a:5000"] = stranger
    stage.see(listed("a"))
    stage.wait(29.0)
    assert stage.names == "me"
    assert stage.roster.refused == {"a:5000": reason}
    assert stage.times_asked("a") == [0.0]
    stage.say(card("a"))
    stage.wait(2.0)
    assert stage.names == "a me"
    assert not stage.roster.refused


def test_who_is_refused_is_forgotten_when_the_engine_lists_it_no_longer(stage: Stage) -> None:
    stage.answers["a:5000"] = PeerRefused("another key")
    stage.see(listed("a"))
    stage.see(listed())
    stage.wait(60.0)
    assert not stage.roster.refused
    assert stage.times_asked("a") == [0.0]


def test_a_member_whose_address_a_stranger_took_over_is_out(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.answers["a:5000"] = PeerRefused("another key")
    stage.see(listed("b"))
    stage.wait(1.0)
    assert stage.names == "b me"


def test_this_node_is_not_asked_and_not_met_twice_under_another_name(stage: Stage) -> None:
    stage.answers["10.0.0.1:5000"] = card("me")
    stage.see({*listed("me"), Member("10.0.0.1:5000")})
    stage.wait(10.0)
    assert stage.names == "me"
    assert not stage.roster.refused
    assert stage.asked == [(0.0, "10.0.0.1:5000")]


def test_a_node_listed_under_two_names_is_one_member_by_the_name_it_gives_itself(stage: Stage) -> None:
    stage.say(card("a"))
    stage.answers["10.0.0.2:5000"] = card("a")
    stage.see({*listed("a"), Member("10.0.0.2:5000")})
    stage.wait(1.0)
    assert stage.names == "a me"
    stage.see({Member("10.0.0.2:5000")})
    stage.hush("a")
    stage.wait(5.0)
    assert stage.names == "a me", "it still answers under its other name"


# Together


def test_a_burst_of_views_makes_one_new_set(stage: Stage) -> None:
    stage.say(*map(card, "abcd"))
    for size in range(1, 5):
        stage.see(listed(*"abcd"[:size]))
        stage.wait(0.1)
    stage.wait(5.0)
    assert [members for _, members in stage.published] == [stage.members]
    assert stage.names == "a b c d me"
    assert stage.published[0][0] == pytest.approx(0.6)


def test_a_burst_without_end_becomes_effective_within_a_second(stage: Stage) -> None:
    names = [f"n{number}" for number in range(20)]
    stage.say(*map(card, names))
    for size in range(1, 20):
        stage.see(listed(*names[:size]))
        stage.wait(0.1)
    assert stage.published[0][0] == pytest.approx(1.0)


def test_who_leaves_and_comes_back_before_it_is_effective_changes_nothing(stage: Stage) -> None:
    stage.gather("a", "b")
    so_far = len(stage.published)
    stage.say(card("a", JOINING))
    stage.see({*listed("b"), Member("a:5000", release="2")})
    stage.wait(0.2)
    stage.say(card("a"))
    stage.see({*listed("b"), Member("a:5000", release="3")})
    stage.wait(5.0)
    assert len(stage.published) == so_far


# Going


def test_a_member_gone_from_the_view_leaves_when_it_does_not_answer_twice(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.hush("a")
    gone_at_s = stage.now_s
    stage.see(listed("b"))
    stage.wait(0.4)
    assert stage.names == "a b me", "once is not enough"
    stage.wait(0.5)
    assert stage.names == "b me"
    assert stage.times_asked("a")[-2:] == [gone_at_s, gone_at_s + 0.5]


def test_one_lost_answer_does_not_cost_a_member_its_place(stage: Stage) -> None:
    stage.gather("a")
    stage.hush("a")
    stage.see(listed())
    stage.say(card("a"))
    stage.wait(20.0)
    assert stage.names == "a me"


def test_a_member_gone_from_the_view_that_serves_stays_and_is_asked_again_each_few_seconds(stage: Stage) -> None:
    stage.gather("a")
    so_far = len(stage.asked)
    stage.see(listed())
    stage.wait(10.0)
    assert stage.names == "a me"
    assert len(stage.asked) == so_far + 4
    stage.hush("a")
    stage.wait(4.0)
    assert stage.names == "me"


def test_a_member_gone_from_the_view_that_says_it_leaves_is_out(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.say(card("a", LEAVING))
    stage.see(listed("b"))
    stage.wait(0.3)
    assert stage.names == "b me"


def test_a_farewell_takes_effect_at_once_and_alone(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.say(card("c"))
    stage.see(listed("a", "b", "c"))
    stage.say(card("a", LEAVING))
    stage.farewell("a")
    assert stage.names == "b me", "the newcomer's entry has yet to settle"
    stage.wait(0.3)
    assert stage.names == "b c me"


def test_a_card_from_before_the_farewell_counts_nothing(stage: Stage) -> None:
    stage.gather("a")
    stage.roster.doubted("a:5000", stage.now_s)
    assert stage.roster.advance(stage.now_s).ask == {"a:5000"}
    stage.farewell("a")
    stage.roster.answered("a:5000", card("a"), stage.now_s + 0.1)
    stage.hush("a")
    stage.wait(10.0)
    assert stage.names == "me"


def test_a_node_that_said_farewell_and_came_back_enters_again(stage: Stage) -> None:
    stage.gather("a")
    stage.farewell("a")
    stage.wait(3.0)
    assert stage.names == "a me"


def test_an_unknown_farewell_changes_nothing(stage: Stage) -> None:
    stage.gather("a")
    so_far = len(stage.published)
    stage.farewell("x")
    stage.farewell("me")
    stage.wait(1.0)
    assert len(stage.published) == so_far


def test_a_restarted_member_is_asked_when_its_announcement_changes(stage: Stage) -> None:
    stage.gather("a")
    stage.say(card("a", weight=4))
    stage.see({Member("a:5000", weight=4)})
    stage.wait(0.3)
    assert card("a", weight=4).member in stage.members


def test_a_member_is_asked_again_now_and_then_even_if_the_engine_tells_nothing_new(stage: Stage) -> None:
    stage.gather("a")
    stage.say(card("a", weight=4))
    stage.wait(61.0)
    assert stage.times_asked("a") == [0.0, 60.0]
    assert card("a", weight=4).member in stage.members


# Silence of those the engine has alive


def test_a_listed_member_that_is_doubted_and_silent_leaves_at_the_third_silence(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.hush("a")
    stage.roster.doubted("a:5000", stage.now_s)
    stage.wait(1.4)
    assert stage.names == "a b me", "two silences are borne"
    stage.wait(0.5)
    assert stage.names == "b me"
    stage.say(card("a"))
    stage.wait(6.0)
    assert stage.names == "a b me"


def test_when_nobody_answers_it_is_rather_we_who_are_cut_off(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.hush("a", "b")
    stage.roster.doubted("a:5000", stage.now_s)
    stage.wait(600.0)
    assert stage.names == "a b me"
    stage.say(card("b"))
    stage.wait(10.0)
    assert stage.names == "b me", "one that is heard is proof that the other is not"


def test_a_doubted_member_that_answers_stays(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.roster.doubted("a:5000", stage.now_s)
    stage.wait(30.0)
    assert stage.names == "a b me"
    assert stage.times_asked("a") == [0.0, 1.0]


# The engine lost


def test_losing_the_engine_freezes_the_ring(stage: Stage) -> None:
    stage.gather("a", "b", "c")
    stage.lose()
    stage.hush("a", "b")
    stage.roster.doubted("a:5000", stage.now_s)
    stage.wait(3600.0)
    assert stage.names == "a b c me"


def test_a_member_missing_when_the_engine_is_lost_stays_until_it_is_back(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.hush("a")
    stage.see(listed("b"))
    stage.lose()
    stage.wait(600.0)
    assert stage.names == "a b me"
    stage.see(listed("b"))
    stage.wait(6.0)
    assert stage.names == "b me"


def test_without_the_engine_nodes_still_speak_for_themselves(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.say(card("c", JOINING))
    stage.see(listed("a", "b", "c"))
    stage.lose()
    stage.say(card("a", LEAVING), card("c"))
    stage.farewell("a")
    stage.wait(1.0)
    assert stage.names == "b c me"
    stage.say(card("a"))
    stage.wait(5.0)
    assert stage.names == "a b c me"


def test_an_engine_that_comes_back_with_nobody_empties_nothing(stage: Stage) -> None:
    stage.gather("a", "b")
    stage.lose()
    stage.see(listed())
    stage.wait(600.0)
    assert stage.names == "a b me"


# Coming and going


def go_and_come(stage: Stage, stays_s: float) -> float:
    """Have a member leave, and how long it takes to be in again; then let it stay so long."""
    stage.farewell("a")
    left_at_s = stage.now_s
    while "a" not in stage.names:
        stage.wait(0.5)
    entered_s = stage.now_s - left_at_s
    stage.wait(stays_s)
    return entered_s


def test_a_flapping_member_is_held_out_for_longer_and_longer_up_to_a_bound(stage: Stage) -> None:
    stage.gather("a", "b")
    pauses_s = [go_and_come(stage, stays_s=5.0) for _ in range(8)]
    assert pauses_s[0] < 3.0
    assert [round(pause_s, -1) for pause_s in pauses_s[1:]] == [10, 20, 40, 80, 120, 120, 120]


def test_a_stay_of_a_minute_clears_the_record(stage: Stage) -> None:
    stage.gather("a")
    assert [go_and_come(stage, stays_s=70.0) < 3.0 for _ in range(6)] == [True] * 6


def test_who_is_held_out_is_among_the_refused_with_the_reason(stage: Stage) -> None:
    stage.gather("a")
    go_and_come(stage, stays_s=5.0)
    stage.farewell("a")
    stage.wait(5.0)
    assert stage.roster.refused == {"a:5000": "has come and gone 2 times within 60 s; held out"}


def test_leaving_the_view_in_between_does_not_shorten_the_pause(stage: Stage) -> None:
    stage.gather("a")
    go_and_come(stage, stays_s=5.0)
    stage.farewell("a")
    stage.see(listed())
    stage.wait(3.0)
    stage.see(listed("a"))
    stage.wait(5.0)
    assert stage.names == "me"
    stage.wait(5.0)
    assert stage.names == "a me"


def test_views_that_come_and_go_move_nothing_while_the_member_answers(stage: Stage) -> None:
    stage.gather("a", "b")
    so_far = len(stage.published)
    for _ in range(20):
        stage.see(listed("b"))
        stage.wait(1.0)
        stage.see(listed("a", "b"))
        stage.wait(1.0)
    assert len(stage.published) == so_far


# Ourselves


def test_we_leave_at_once_and_own_everything_again_if_nobody_else_does(stage: Stage) -> None:
    stage.gather("a")
    stage.roster.retire()
    stage.turn()
    assert stage.names == "a"
    stage.hush("a")
    stage.see(listed())
    stage.wait(5.0)
    assert stage.names == "me"


def test_who_retires_alone_stays() -> None:
    roster = Roster(card("me"), RosterSettings(), lambda: 0.5)
    roster.retire()
    assert roster.advance(0.0).members is None


def test_settled_means_that_everyone_was_asked_and_the_rest_is_effective(stage: Stage) -> None:
    assert not stage.roster.is_settled
    stage.answers |= {"b:5000": SILENT, "c:5000": PeerRefused("another key")}
    stage.say(card("a"))
    stage.roster.seen(listed("a", "b", "c"), 0.0)
    assert not stage.roster.is_settled
    stage.turn()
    assert not stage.roster.is_settled, "the newcomer is decided upon and not effective"
    stage.wait(0.3)
    assert stage.roster.is_settled


def test_an_answer_nobody_asked_for_changes_nothing(stage: Stage) -> None:
    stage.roster.answered("x:5000", card("x"), 0.0)
    stage.roster.silent("x:5000", 0.0)
    stage.roster.refuses("x:5000", "why not", 0.0)
    stage.gather("a")
    stage.roster.answered("a:5000", card("a", LEAVING), stage.now_s)
    stage.wait(1.0)
    assert stage.names == "a me"
    assert not stage.roster.refused
