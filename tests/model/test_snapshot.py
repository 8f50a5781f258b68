"""Snapshots are held equal to the plain sets of transactions they show."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.errors import InvalidRequest
from model.snapshot import Snapshot, decode_snap_token, encode_snap_token

IDS = range(10)  # one more than any id a small snapshot mentions, so that "all later ones" has a witness


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Small snapshots as PostgreSQL takes them: what is in progress lies between xmin and xmax."""
    xmin = draw(st.integers(1, 8))
    xmax = draw(st.integers(xmin, 9))
    in_progress = draw(st.sets(st.sampled_from(range(xmin, xmax)))) if xmin < xmax else set()
    return Snapshot(xmin, xmax, frozenset(in_progress))


def visible(snapshot: Snapshot) -> set[int]:
    """What a snapshot shows, by the words of its definition."""
    below = set(range(snapshot.xmin))
    between = set(range(snapshot.xmin, snapshot.xmax))
    return below | (between - snapshot.in_progress)


def token_of(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return base64.b64encode(raw).decode()


@given(snapshot=snapshots())
def test_a_snapshot_sees_what_its_definition_says(snapshot: Snapshot) -> None:
    assert {xid for xid in IDS if snapshot.sees(xid)} == visible(snapshot)


@given(one=snapshots(), other=snapshots())
def test_covering_is_containing_what_the_other_sees(one: Snapshot, other: Snapshot) -> None:
    assert one.covers(other) == (visible(one) >= visible(other))


@given(snapshot=snapshots())
def test_every_snapshot_covers_itself(snapshot: Snapshot) -> None:
    assert snapshot.covers(snapshot)


@given(one=snapshots(), other=snapshots())
def test_snapshots_that_cover_each_other_see_the_same(one: Snapshot, other: Snapshot) -> None:
    if one.covers(other) and other.covers(one):
        assert [one.sees(xid) for xid in IDS] == [other.sees(xid) for xid in IDS]


@given(three=st.tuples(snapshots(), snapshots(), snapshots()))
def test_covering_goes_on_from_one_to_the_next(three: tuple[Snapshot, Snapshot, Snapshot]) -> None:
    for first, second, third in itertools.permutations(three):
        if first.covers(second) and second.covers(third):
            assert first.covers(third)


def test_snapshots_with_different_gaps_do_not_cover_each_other() -> None:
    one, other = Snapshot(3, 6, frozenset({3})), Snapshot(3, 6, frozenset({4}))
    assert not one.covers(other)
    assert not other.covers(one)


@given(one=st.integers(0, 2**63), other=st.integers(0, 2**63))
def test_commits_of_one_sequence_cover_all_earlier_ones(one: int, other: int) -> None:
    snapshot = Snapshot.at_commit(one)
    assert snapshot.covers(Snapshot.at_commit(other)) == (one >= other)
    assert snapshot.sees(other) == (one >= other)


@given(snapshot=snapshots())
def test_a_token_brings_its_snapshot_back(snapshot: Snapshot) -> None:
    newest_committed = snapshot._replace(in_progress=snapshot.in_progress - {snapshot.xmax - 1})
    assert decode_snap_token(encode_snap_token(newest_committed)) == newest_committed


@given(number=st.integers(0, 2**63))
def test_a_token_brings_back_a_commit_of_any_size(number: int) -> None:
    assert decode_snap_token(encode_snap_token(Snapshot.at_commit(number))) == Snapshot.at_commit(number)


def test_a_token_is_the_contracts_four_parts_in_base64() -> None:
    assert encode_snap_token(Snapshot(5, 9, frozenset({7, 5}))) == token_of("8:5:9:5,7")
    assert encode_snap_token(Snapshot.at_commit(0)) == token_of("0:1:1:")


@pytest.mark.parametrize("number", [0, 1, 57, 59, 1000, 2**40 + 1, 2**64 - 1, 58, 314])
def test_the_legacy_token_is_a_transaction_in_8_bytes(number: int) -> None:
    assert decode_snap_token(token_of(number.to_bytes(8, "little"))) == Snapshot.at_commit(number)


def test_eight_bytes_of_four_parts_are_four_parts() -> None:
    assert decode_snap_token(token_of("10:9:11:")) == Snapshot(9, 11)


def test_ids_listed_as_in_progress_but_seen_anyway_are_not_believed() -> None:
    snapshot = decode_snap_token(token_of("7:5:8:2"))
    assert snapshot.sees(2)
    assert snapshot.covers(snapshot)


def test_a_token_sees_its_own_transaction_though_it_is_listed_as_in_progress() -> None:
    snapshot = decode_snap_token(token_of("7:5:9:5,7"))
    assert [xid for xid in IDS if snapshot.sees(xid)] == [0, 1, 2, 3, 4, 6, 7, 8]


def test_what_started_between_the_snapshot_and_its_own_transaction_is_not_seen() -> None:
    snapshot = decode_snap_token(token_of("8:5:6:"))  # the snapshot was taken first, then the transaction got its id
    assert [xid for xid in IDS if snapshot.sees(xid)] == [0, 1, 2, 3, 4, 5, 8]


@given(data=st.data())
def test_a_token_of_permify_shows_its_snapshot_and_its_own_transaction(data: st.DataObject) -> None:
    taken = data.draw(snapshots())
    own = data.draw(st.integers(taken.xmin, 9))
    in_progress = ",".join(str(xid) for xid in taken.in_progress)
    snapshot = decode_snap_token(token_of(f"{own}:{taken.xmin}:{taken.xmax}:{in_progress}"))
    assert {xid for xid in IDS if snapshot.sees(xid)} == visible(taken) | {own}


MALFORMED = [
    "noop",
    "!!",
    "AAAA\n",
    "é",
    token_of("1"),
    token_of("1:1"),
    token_of("1:1:2"),
    token_of("1:1:2:3:4"),
    token_of("1:1:2:x"),
    token_of("1:1:2:,"),
    token_of("1:1:2:3,"),
    token_of("-1:0:0:"),
    token_of("+1:1:2:"),
    token_of(" 1:1:2:"),
    token_of("1:1_0:20:"),
    token_of("1:3:2:"),  # xmin after xmax
    token_of("\u0661:1:2:"),  # a digit, but not one of ours
    token_of(bytes(7)),
    token_of(bytes(9)),
    token_of(b"\xff:1:2:"),
]


@pytest.mark.parametrize("token", MALFORMED)
def test_a_malformed_token_is_refused_and_quoted(token: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode_snap_token(token)
    assert repr(token) in str(refusal.value)


@given(text=st.text(max_size=40))
@example("")
def test_any_text_is_a_token_or_refused_with_its_words(text: str) -> None:
    assert_decodes_or_is_refused(text)


@given(content=st.one_of(st.binary(max_size=30), st.from_regex(r"\A[0-9:,]{0,30}\Z").map(str.encode)))
def test_any_bytes_in_base64_are_a_token_or_refused_with_their_words(content: bytes) -> None:
    assert_decodes_or_is_refused(token_of(content))


@pytest.mark.parametrize(
    "content",
    [
        "9223372036854775806:1:1:",
        "99999999999999999999:1:1:",
        "1:1:99999999999999999999:",
        f"1:1:{'9' * 21}:",
        f"{'9' * 100_000}:1:2:",
    ],
)
def test_huge_numbers_take_no_time(content: str) -> None:
    assert_decodes_or_is_refused(token_of(content))  # a list of all ids in between would never be finished


def test_a_long_malformed_token_is_quoted_only_at_its_beginning() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode_snap_token("!" * 1_000_000)
    assert "'" + "!" * 200 + "'" in str(refusal.value)


def assert_decodes_or_is_refused(token: str) -> None:
    snapshot, refusal = None, ""
    try:
        snapshot = decode_snap_token(token)
    except InvalidRequest as error:
        refusal = str(error)
    assert (snapshot is None) == (repr(token[:200]) in refusal)
    if snapshot is not None:
        assert snapshot.sees(snapshot.xmin - 1)
        assert not snapshot.sees(snapshot.xmax)
