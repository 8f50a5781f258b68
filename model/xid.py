"""Ids that sort by the second they were made in, unique without coordination. Source: reference wire-api §10 (xid)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime

from model.errors import ErrorCode, InvalidRequest

_COUNTER_END = 1 << 24


def format_xid(*, time_s: int, origin: bytes, counter: int) -> str:
    """20 characters of 0-9a-v for a time in Unix seconds, 5 bytes that tell makers apart, and a count below 2^24."""
    packed = time_s.to_bytes(4, "big") + origin + counter.to_bytes(3, "big")
    return base64.b32hexencode(packed).decode().lower().rstrip("=")


def time_of_xid(text: str) -> datetime:
    """When an id was made, to the second, in UTC. Raises InvalidRequest, quoting the text, if it is no such id."""
    try:
        packed = base64.b32hexdecode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError) as error:
        raise _no_xid(text) from error
    if len(packed) != 12 or text != text.lower():
        raise _no_xid(text)
    return datetime.fromtimestamp(int.from_bytes(packed[:4], "big"), UTC)


class XidSequence:
    """Makes ids of one origin; two from one sequence differ unless 2^24 are made within a second.

    clock gives Unix seconds. origin (5 bytes) and first_counter are best taken at random, anew in each process.
    """

    def __init__(self, clock: Callable[[], float], *, origin: bytes, first_counter: int) -> None:
        self._clock = clock
        self._origin = origin
        self._counter = first_counter

    def next(self) -> str:
        """A new id."""
        self._counter = (self._counter + 1) % _COUNTER_END
        return format_xid(time_s=int(self._clock()), origin=self._origin, counter=self._counter)


def _no_xid(text: str) -> InvalidRequest:
    return InvalidRequest(f"expected an id of 20 characters 0-9a-v, got {text[:200]!r}", ErrorCode.INVALID_ARGUMENT)
