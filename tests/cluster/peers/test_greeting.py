"""Two nodes find out, before anything else, whether they are of one cluster and speak one language."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.peers.card import PROTOCOLS, PeerRefused, Protocols
from cluster.peers.cluster_key import ClusterKey, is_same
from cluster.peers.greeting import Greeted, Greeter, WrongKey, texts_of

KEY = ClusterKey("the secret", "orders")
HERE = Greeter("here:5000", KEY, PROTOCOLS)
THERE = Greeter("there:5000", KEY, PROTOCOLS)
protocols = st.builds(lambda lowest, more: Protocols(lowest, lowest + more), st.integers(1, 9), st.integers(0, 9))


def test_nodes_of_one_cluster_greet_each_other() -> None:
    opening = dict(HERE.asking("n1"))
    assert THERE.asked_by(opening) == Greeted("here:5000", 1)
    assert HERE.answered_by(dict(THERE.answering(opening)), "n1") == Greeted("there:5000", 1)


def test_another_key_is_told_apart_by_both_ends() -> None:
    stranger = Greeter("there:5000", ClusterKey("another secret", "orders"), PROTOCOLS)
    with pytest.raises(WrongKey, match="here:5000 and there:5000 have different cluster keys"):
        stranger.asked_by(dict(HERE.asking("n1")))
    with pytest.raises(WrongKey, match="there:5000 and here:5000 have different cluster keys"):
        HERE.answered_by(dict(stranger.answering(dict(HERE.asking("n1")))), "n1")


def test_no_key_is_another_key() -> None:
    with pytest.raises(WrongKey):
        Greeter("there:5000", ClusterKey("", "orders"), PROTOCOLS).asked_by(dict(HERE.asking("n1")))


def test_another_cluster_of_the_same_key_is_named() -> None:
    other = ClusterKey("the secret", "invoices")
    with pytest.raises(PeerRefused, match=f"here:5000 is of cluster {KEY.digest}, .* of cluster {other.digest}"):
        Greeter("there:5000", other, PROTOCOLS).asked_by(dict(HERE.asking("n1")))


def test_protocols_without_a_common_number_are_named() -> None:
    future = Greeter("there:5000", KEY, Protocols(2, 3))
    with pytest.raises(PeerRefused, match="here:5000 speaks peer protocol 1, there:5000 speaks 2 to 3"):
        future.asked_by(dict(HERE.asking("n1")))


def test_a_node_of_the_next_release_speaks_what_both_know() -> None:
    next_release = Greeter("there:5000", KEY, Protocols(1, 2))
    opening = dict(HERE.asking("n1"))
    assert next_release.asked_by(opening).protocol == 1
    assert HERE.answered_by(dict(next_release.answering(opening)), "n1").protocol == 1
    assert next_release.asked_by(dict(next_release.asking("n2"))).protocol == 2


@given(protocols, protocols)
def test_both_ends_come_to_the_same_protocol(ours: Protocols, theirs: Protocols) -> None:
    both = {*range(ours.lowest, ours.highest + 1)} & {*range(theirs.lowest, theirs.highest + 1)}
    assert ours.common_with(theirs) == theirs.common_with(ours) == max(both, default=None)


@pytest.mark.parametrize("spoken", ["", "1", "1-", "one-two", "1-1-1", "-1-1", "1-99999999999", "\u0661-\u0661"])
def test_whoever_opens_otherwise_is_no_node(spoken: str) -> None:
    opening = {**dict(HERE.asking("n1")), "ringward-protocols": spoken}
    with pytest.raises(PeerRefused, match="as a node of Ringward does"):
        THERE.asked_by(opening)


def test_an_opening_with_anything_missing_is_refused() -> None:
    opening = dict(HERE.asking("n1"))
    for name in opening.keys() - {"ringward-address"}:
        with pytest.raises(PeerRefused):
            THERE.asked_by({each: value for each, value in opening.items() if each != name})


def test_what_an_asker_shows_is_no_answer_and_no_answer_serves_twice() -> None:
    opening = dict(HERE.asking("n1"))
    with pytest.raises(WrongKey):
        HERE.answered_by(opening, "n1")
    with pytest.raises(WrongKey):
        HERE.answered_by(dict(THERE.answering(opening)), "n2")


def test_neither_secret_nor_name_can_be_seen() -> None:
    shown = f"{HERE.asking('n1')}{THERE.answering(dict(HERE.asking('n1')))}{KEY!r}{HERE!r}"
    assert "the secret" not in shown
    assert "orders" not in shown


@settings(max_examples=20, deadline=None)  # a guess is meant to cost something
@given(st.text(), st.text(), st.text(), st.text())
def test_digests_are_equal_where_secret_and_name_are(secret: str, name: str, other: str, other_name: str) -> None:
    same = (secret, name) == (other, other_name)
    assert (ClusterKey(secret, name).digest == ClusterKey(other, other_name).digest) is same


def test_what_is_compared_may_be_any_text() -> None:
    assert not is_same("\udc00", "a")
    assert is_same("a", "a")


def test_metadata_in_bytes_is_left_out() -> None:
    assert texts_of((("a", "1"), ("b-bin", b"\0"))) == {"a": "1"}
