"""The text forms of setting values: durations, sizes, booleans, lists.

They are those of Go and viper, so that today's configuration files and environments mean the same here.
Every ``parse_…`` raises ValueError; its message says what is accepted and leaves quoting the value to the caller.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})

_MOST_INTEGER = 2**63 - 1
_MOST_SECONDS = _MOST_INTEGER // 10**9

_SECONDS_PER_UNIT = {
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("1e-3"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ns": Decimal("1e-9"),
}
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|us|µs|ns|m|s)", re.ASCII)
_DURATION = re.compile(rf"\+?(?:{_DURATION_PART.pattern})+", re.ASCII)

_BYTES_PER_UNIT = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", re.ASCII)


def parse_boolean(text: str) -> bool:
    """Read true or false, t or f, 1 or 0, in the spellings Go accepts."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("expected true or false (also 1, 0, t, f)")


def parse_duration(text: str) -> float:
    """Seconds from Go's form, such as ``200h``, ``15m0s`` or ``1.5s``; only 0 may stand without a unit."""
    if text in ("0", "+0"):
        return 0.0
    if not _DURATION.fullmatch(text):
        raise ValueError("expected a duration with units, such as 30s, 15m or 1h30m, not negative")
    parts = _DURATION_PART.findall(text)
    seconds = sum(Decimal(number) * _SECONDS_PER_UNIT[unit] for number, unit in parts)
    if seconds > _MOST_SECONDS:
        raise ValueError("expected a duration of at most 290 years")
    return float(seconds)


def print_duration(seconds: float) -> str:
    """Go's form, ``15m0s``; parsing it gives the same duration to the nanosecond."""
    whole_minutes, rest = divmod(Decimal(repr(seconds)).quantize(Decimal("1e-9")), 60)
    hours, minutes = divmod(int(whole_minutes), 60)
    rest_text = f"{rest.normalize():f}s"
    if hours:
        return f"{hours}h{minutes}m{rest_text}"
    return f"{minutes}m{rest_text}" if minutes else rest_text


def parse_size(text: str) -> int:
    """Bytes from ``10MiB``, ``512kB`` or ``1048576``; units are read in any case, kB is 1000 and KiB 1024."""
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _BYTES_PER_UNIT:
        raise ValueError("expected a size such as 10MiB, 512kB or a number of bytes")
    size_bytes = int(Decimal(match[1]) * _BYTES_PER_UNIT[match[2].lower()])
    if size_bytes > _MOST_INTEGER:
        raise ValueError("expected a size below 8 EiB")
    return size_bytes


def print_size(size_bytes: int) -> str:
    """The shortest exact form with binary units: ``10MiB``, ``1536B``."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        factor = _BYTES_PER_UNIT[unit.lower()]
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return f"{size_bytes}B"


def parse_integer(text: str) -> int:
    """A whole number in decimal; underscores may group its digits."""
    if re.fullmatch(r"[+-]?\d+(_\d+)*", text, re.ASCII) and len(text) <= 30 and abs(int(text)) <= _MOST_INTEGER:
        return int(text)
    raise ValueError("expected a whole number of at most 64 bits")


def parse_number(text: str) -> float:
    """A finite decimal number."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("expected a number")
    return number


def parse_port(text: str) -> int:
    """A TCP port; 0 lets the system pick a free one."""
    if re.fullmatch(r"\d{1,5}", text, re.ASCII) and int(text) <= 65535:
        return int(text)
    raise ValueError("expected a port from 0 to 65535")


def parse_list(text: str) -> tuple[str, ...]:
    """The items between commas, blanks around them dropped; an empty text is the empty list."""
    return tuple(item.strip() for item in text.split(",")) if text.strip() else ()
