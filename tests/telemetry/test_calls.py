"""Request ids: the client's if it gave one that can be shown, else one of our own, made when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from telemetry.calls import MOST_CHARACTERS, RequestIds, Served


class FakeHead:
    """The head of a call with some headers."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def header(self, name: str) -> str | None:
        return self._headers.get(name)


def served(headers: Mapping[str, str]) -> tuple[Served, list[str]]:
    made: list[str] = []

    def makes() -> str:
        made.append(f"own-{len(made)}")
        return made[-1]

    return Served(FakeHead(headers), makes), made


def test_a_given_id_is_taken() -> None:
    call, made = served({"x-request-id": "abc 1"})
    assert call.request_id == call.given_id == "abc 1"
    assert not made


def test_an_id_is_made_when_it_is_wanted_and_stays() -> None:
    call, made = served({})
    assert not made
    assert (call.request_id, call.request_id) == ("own-0", "own-0")
    assert call.given_id == ""


@pytest.mark.parametrize("given", ["", "x" * (MOST_CHARACTERS + 1), "a\nb", "a\x1b[31m", "é"])
def test_what_no_log_and_no_header_should_show_is_no_id(given: str) -> None:
    call, _ = served({"x-request-id": given})
    assert call.given_id == ""
    assert call.request_id == "own-0"


def test_the_longest_id_is_taken_whole() -> None:
    assert served({"x-request-id": "x" * MOST_CHARACTERS})[0].request_id == "x" * MOST_CHARACTERS


def test_a_call_of_another_nodes_has_the_id_it_has_there_or_none() -> None:
    assert Served.elsewhere("r1", "", "").request_id == "r1"
    assert Served.elsewhere("", "", "").request_id == ""
    assert Served.elsewhere("", "tp", "ts").traceparent == "tp"


def test_ids_differ_within_a_process_and_among_processes() -> None:
    one, other = RequestIds(), RequestIds()
    assert len({*(one() for _ in range(100)), *(other() for _ in range(100))}) == 200
