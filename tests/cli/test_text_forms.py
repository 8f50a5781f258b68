"""Durations, sizes and booleans read as Go reads them, and print so that they read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.text_forms import (
    parse_boolean,
    parse_duration,
    parse_integer,
    parse_list,
    parse_number,
    parse_port,
    parse_size,
    print_duration,
    print_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("200h", 720_000),
        ("15m0s", 900),
        ("1.5s", 1.5),
        ("0s", 0),
        ("0", 0),
        ("1h30m", 5400),
        ("250ms", 0.25),
        (".5m", 30),
    ],
)
def test_durations_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1d", "-1s", "s", "1 s", "1h-5m", "\u0661s", "1e3s", "99999999999h"])
def test_other_durations_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@given(st.integers(0, 10**15))
def test_a_printed_duration_reads_back(microseconds: int) -> None:
    seconds = microseconds / 10**6
    assert parse_duration(print_duration(seconds)) == pytest.approx(seconds, abs=1e-9, rel=1e-12)


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0s"), (900.0, "15m0s"), (3600.0, "1h0m0s"), (1.5, "1.5s")])
def test_durations_print_in_gos_form(seconds: float, text: str) -> None:
    assert print_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("10MiB", 10 * 2**20), ("10 mib", 10 * 2**20), ("512kB", 512_000), ("1.5KiB", 1536), ("77", 77), ("0", 0)],
)
def test_sizes_know_binary_and_decimal_units(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "MiB", "-1MiB", "10 apples", "1e3", "99999999999TiB"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        parse_size(text)


@given(st.integers(0, 2**60))
def test_a_printed_size_reads_back(size_bytes: int) -> None:
    assert parse_size(print_size(size_bytes)) == size_bytes


@given(
    st.sampled_from(["1", "t", "T", "true", "TRUE", "True"]),
    st.sampled_from(["0", "f", "F", "false", "FALSE", "False"]),
)
def test_booleans_have_gos_spellings(yes: str, no: str) -> None:
    assert (parse_boolean(yes), parse_boolean(no)) == (True, False)


@pytest.mark.parametrize("text", ["", "yes", "on", "tRUE", "2"])
def test_other_spellings_of_booleans_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected true or false"):
        parse_boolean(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_integers_read_back_up_to_64_bits(number: int) -> None:
    assert parse_integer(str(number)) == number
    assert parse_integer(f"{number:_}") == number


@pytest.mark.parametrize("text", ["", "1.0", "0x10", "ten", str(2**63), "9" * 5000, "_1"])
def test_other_integers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        parse_integer(text)


@pytest.mark.parametrize("text", ["", "nan", "inf", "x"])
def test_a_number_is_finite(text: str) -> None:
    assert parse_number("1.25") == 1.25
    with pytest.raises(ValueError, match="expected a number"):
        parse_number(text)


@pytest.mark.parametrize("text", ["", "-1", "65536", "http", "3478.0", "9" * 5000])
def test_a_port_is_a_port(text: str) -> None:
    assert parse_port("65535") == 65535
    with pytest.raises(ValueError, match="expected a port"):
        parse_port(text)


def test_a_list_is_what_stands_between_commas() -> None:
    assert parse_list("a, b,c") == ("a", "b", "c")
    assert parse_list(" ") == ()
