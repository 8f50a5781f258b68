"""Ids of schema versions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import InvalidRequest
from model.xid import XidSequence, format_xid, time_of_xid

times = st.integers(0, 2**32 - 1)
origins = st.binary(min_size=5, max_size=5)
counters = st.integers(0, 2**24 - 1)


def test_the_form_is_that_of_other_makers_of_xids() -> None:
    packed = bytes.fromhex("4d88e15b60f486e428412dc9")  # the example of the xid specification
    text = format_xid(
        time_s=int.from_bytes(packed[:4], "big"), origin=packed[4:9], counter=int.from_bytes(packed[9:], "big")
    )
    assert text == "9m4e2mr0ui3e8a215n4g"
    assert time_of_xid(text) == datetime(2011, 3, 22, 17, 50, 19, tzinfo=UTC)


@settings(deadline=None)
@given(time_s=times, origin=origins, counter=counters)
def test_an_id_has_20_characters_and_keeps_its_time(time_s: int, origin: bytes, counter: int) -> None:
    text = format_xid(time_s=time_s, origin=origin, counter=counter)
    assert len(text) == 20
    assert set(text) <= set("0123456789abcdefghijklmnopqrstuv")
    assert time_of_xid(text) == datetime.fromtimestamp(time_s, UTC)


@settings(deadline=None)
@given(earlier=times, later=times, origin=origins, counter=counters)
def test_ids_sort_by_the_second_they_were_made_in(earlier: int, later: int, origin: bytes, counter: int) -> None:
    first = format_xid(time_s=earlier, origin=origin, counter=counter)
    second = format_xid(time_s=later, origin=origin, counter=counter)
    assert (first < second) == (earlier < later)


def test_a_sequence_counts_and_starts_over_at_its_end() -> None:
    ids = XidSequence(lambda: 1.9, origin=b"abcde", first_counter=2**24 - 2)
    made = [ids.next() for _ in range(3)]
    assert made == [format_xid(time_s=1, origin=b"abcde", counter=n) for n in (2**24 - 1, 0, 1)]


@pytest.mark.parametrize(
    "text", ["", "9m4e2mr0ui3e8a215n4", "9M4E2MR0UI3E8A215N4G", "9m4e2mr0ui3e8a215n4gg", "w" * 20, "é" * 20]
)
def test_other_text_is_no_id(text: str) -> None:
    with pytest.raises(InvalidRequest):
        time_of_xid(text)
