"""Logs: one event per line, as text for people or as JSON for machines, on the error stream.

Our own events and those of libraries (through ``logging``) take the same road: mask what may be secret, put control
characters and tracebacks into one line, print.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from enum import IntEnum
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from telemetry.calls import current_call
from telemetry.spans import current_span


class LogLevel(IntEnum):
    """How severe an event is; numbers are those of ``logging``."""

    DEBUG = logging.DEBUG
    INFO = logging.INFO
    WARN = logging.WARNING
    ERROR = logging.ERROR

    @classmethod
    def parse(cls, text: str) -> LogLevel:
        """Read debug, info, warn or error in any case. Raises ValueError for any other word."""
        try:
            return cls[text.upper()]
        except KeyError as error:
            raise ValueError(f"expected debug, info, warn or error, got {text!r}") from error


def configure_logs(
    level: LogLevel,
    *,
    json: bool,
    is_coloured: bool = False,
    stream: TextIO | None = None,
    tap: Callable[[EventDict], None] | None = None,
) -> None:
    """Send events of this level and above to the stream (the error stream, as it is now), for the whole process.

    is_coloured: paint text for a terminal; JSON never is. tap: gets each event too, as it is printed; must not raise,
    and may be called from any thread. May be called again; the last call counts.
    """
    target = stream or sys.stderr
    shared: list[Processor] = [
        name_the_call,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
        structlog.processors.format_exc_info,
        *([_Tap(tap)] if tap else []),
    ]
    ending: list[Processor] = (
        [structlog.processors.JSONRenderer()] if json else [into_one_line, _LineRenderer(is_coloured)]
    )
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    _route_libraries(level, shared, ending, target)


def name_the_call(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add which call an event belongs to, and which trace if it is traced."""
    if (call := current_call()) is not None and call.request_id:
        event["request_id"] = call.request_id
    if (span := current_span()) is not None:
        event["trace_id"], event["span_id"] = span.trace_id, span.span_id
    return event


_SECRET_NAMES = frozenset({"authorization", "keys", "password", "secret", "token"})


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the values of fields that are named like secrets; snap tokens are none and stay."""
    for name in event.keys() & _SECRET_NAMES:
        event[name] = "****"
    return event


def into_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Join a traceback with bars and escape control characters, lest a text forges a line or steers a terminal."""
    if "exception" in event:
        lines = str(event["exception"]).splitlines()
        event["exception"] = " | ".join(line.strip() for line in lines if line.strip())
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = value.encode("unicode_escape").decode("ascii")
    return event


class _Tap:
    """Hands copies of events on; what comes after changes its own."""

    def __init__(self, tap: Callable[[EventDict], None]) -> None:
        self._tap = tap

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        self._tap({name: value for name, value in event.items() if not name.startswith("_")})
        return event


class _LineRenderer:
    """``2026-11-22T07:00:00Z info  event  name=value``; values with blanks are quoted."""

    def __init__(self, is_coloured: bool) -> None:
        self._is_coloured = is_coloured

    def __call__(self, _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
        time, level, text = (str(event.pop(name, "")) for name in ("timestamp", "level", "event"))
        fields = " ".join(f"{self._paint(name, _DIM)}={_quoted(value)}" for name, value in event.items())
        line = f"{self._paint(time, _DIM)} {self._paint(f'{level:<7}', _COLOURS.get(level, ''))} {text}"
        return f"{line}  {fields}" if fields else line

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}\x1b[0m" if self._is_coloured and colour else text


_DIM = "\x1b[2m"
_COLOURS = {"debug": _DIM, "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text) if not text or any(mark in text for mark in " =\"'") else text


def _route_libraries(level: LogLevel, shared: list[Processor], ending: list[Processor], target: TextIO) -> None:
    """Libraries log through ``logging``: the same lines for them, but only what is at least a warning."""
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, LogLevel.WARN))
