"""Processes as the kernel sees them: who belongs together, what CPU they took, whether a port is open."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

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


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory the processes hold now; what they share counts once for each."""
    return sum(map(_resident_pages, pids)) * resource.getpagesize()


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


def free_ports(count: int) -> list[int]:
    """So many ports of loopback nobody listens on now, no two the same."""
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in found]


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
