"""Logs: one event per line, in both forms, from us and from libraries, with nothing secret in them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from telemetry.logs import LogLevel, configure_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def logs(level: LogLevel = LogLevel.INFO, *, as_json: bool, is_coloured: bool = False) -> io.StringIO:
    stream = io.StringIO()
    configure_logs(level, json=as_json, is_coloured=is_coloured, stream=stream)
    return stream


def json_events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_a_json_object_on_a_line() -> None:
    stream = logs(as_json=True)
    structlog.get_logger().info("node started", port=3478, place="/tmp/a b")

    (event,) = json_events(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "node started", "level": "info", "port": 3478, "place": "/tmp/a b"}


def test_text_tells_time_level_event_and_fields() -> None:
    stream = logs(as_json=False)
    structlog.get_logger().warning("disk is filling", free_bytes=12, place="/a b", empty="")

    time, line = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert line == "warning disk is filling  free_bytes=12 place='/a b' empty=''\n"


def test_colours_come_only_when_asked_for_and_never_in_json() -> None:
    for as_json, is_coloured, has_colour in [(False, False, False), (False, True, True), (True, True, False)]:
        stream = logs(as_json=as_json, is_coloured=is_coloured)
        structlog.get_logger().info("hello", a=1)
        assert ("\x1b" in stream.getvalue()) is has_colour


@pytest.mark.parametrize("as_json", [True, False])
@given(text=st.text(), field=st.text())
def test_no_text_can_forge_a_line_or_steer_a_terminal(as_json: bool, text: str, field: str) -> None:
    stream = logs(as_json=as_json)
    structlog.get_logger().info(text, field=field)

    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_one_line_too(as_json: bool) -> None:
    stream = logs(as_json=as_json)
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed there")

    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "ValueError: broken" in line
        assert "test_logs.py" in line


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.WARN, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_only_what_is_severe_enough_is_logged(level: LogLevel, heard: list[str]) -> None:
    stream = logs(level, as_json=True)
    log = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("x")
    assert [event["level"] for event in json_events(stream)] == heard


def test_libraries_are_heard_from_warnings_on() -> None:
    stream = logs(LogLevel.DEBUG, as_json=True)
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("trouble with %s", "x")

    (event,) = json_events(stream)
    assert (event["event"], event["level"]) == ("trouble with x", "warning")


def test_fields_named_like_secrets_are_masked() -> None:
    stream = logs(as_json=True)
    structlog.get_logger().info("x", password="hush", authorization="Bearer hush", snap_token="MTox")

    (event,) = json_events(stream)
    assert "hush" not in stream.getvalue()
    assert event["snap_token"] == "MTox"


def test_configured_twice_the_last_call_counts_and_nothing_is_said_twice() -> None:
    before = logs(as_json=False)
    after = logs(as_json=True)
    structlog.get_logger().error("x")
    logging.getLogger("library").error("y")

    assert before.getvalue() == ""
    assert [event["event"] for event in json_events(after)] == ["x", "y"]


def test_levels_read_in_any_case_and_no_other_word() -> None:
    assert LogLevel.parse("Warn") is LogLevel.WARN
    with pytest.raises(ValueError, match="got 'loud'"):
        LogLevel.parse("loud")
