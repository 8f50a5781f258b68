"""Processes as the kernel sees them: who belongs together, what CPU they took, whether a port is open."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PORTS = (12_000, 32_000)  # below those the system gives away, on Linux and elsewhere
_CHANCE = random.SystemRandom()  # tests that run side by side have the same seed
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, task.read_text().split())
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time of the processes, and of children of theirs that have ended."""
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_S


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def running_s(pids: Iterable[int]) -> float:
    """As ``cpu_s``, to the nanosecond, of the threads there are now. Source: Linux, "sched-stats", /proc/<pid>."""
    return sum(_running_ns(pid) for pid in pids) / 1e9


def _running_ns(pid: int) -> int:
    spent_ns = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            spent_ns += int(thread.read_text().split()[0])
    return spent_ns


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory the processes hold now; what they share counts once for each."""
    return sum(map(_resident_pages, pids)) * resource.getpagesize()


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


def free_ports(count: int) -> list[int]:
    """So many ports of loopback nobody uses now, by TCP or UDP, no two the same.

    The system gives none of them to somebody else by itself: not for an outgoing connection, nor for a port 0.
    """
    found: list[int] = []
    while len(found) < count:
        port = _CHANCE.randint(*_PORTS)
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram, suppress(OSError):
            stream.bind(("127.0.0.1", port))
            datagram.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def free_port() -> int:
    """One of ``free_ports``."""
    return free_ports(1)[0]


async def port_open(port: int, *, within_s: float = 30.0) -> None:
    """Return once somebody listens on a port of loopback. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
