"""What processes take of the machine over a stretch: CPU, and memory at its most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.harness.results import ProcessUse
from bench.processes import cpu_s, family

_BYTES_PER_KB = 1024


class Meter:
    """Reads what named processes, each with all below it, took since it was made.

    processes: process ids by name; none for a system that runs elsewhere.
    """

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._before_s = {name: cpu_s(family(pid)) for name, pid in processes.items()}

    def __repr__(self) -> str:
        return f"<Meter of {', '.join(self._processes)}>"

    def taken(self) -> Sequence[ProcessUse]:
        """CPU since this was made, and the most memory so far; 0 for a process that has ended."""
        return tuple(
            ProcessUse(name, max(0.0, cpu_s(family(pid)) - self._before_s[name]), peak_bytes(family(pid)))
            for name, pid in self._processes.items()
        )


def peak_bytes(pids: Iterable[int]) -> int:
    """The most memory processes of one family have held, each at its own time.

    What they share by ``shmem``, as the processes of PostgreSQL do, counts once.
    """
    alone_kb = shared_kb = 0
    for pid in pids:
        fields = _status_kb(pid)
        shared = fields.get("RssShmem", 0)
        alone_kb += max(0, fields.get("VmHWM", 0) - shared)
        shared_kb = max(shared_kb, shared)
    return (alone_kb + shared_kb) * _BYTES_PER_KB


def _status_kb(pid: int) -> Mapping[str, int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    parted = (line.partition(":") for line in lines)
    return {name: int(value.split()[0]) for name, _, value in parted if value.endswith(" kB")}
