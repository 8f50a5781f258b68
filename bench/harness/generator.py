"""Our own load generator: processes beside the run, so that neither it nor a server's work is in their way."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import IO, Any

from bench.harness.frames import framed, receive
from bench.harness.generator_process import EXHAUSTED, GO, Work
from bench.harness.load import Outcome
from bench.harness.ports import Endpoint, Workload
from bench.harness.schedule import Schedule, Stretch
from cluster.membership import leash

NAME = "ringward bench"
"""As results call it."""

_LAST_WORDS_BYTES = 2_000


class GeneratorFailed(Exception):
    """A process that makes load has ended before its time; the text holds the end of what it said."""


class Exhausted(Exception):
    """A workload that never asks the same twice has nothing left to ask."""


class Generator:
    """Some processes that ask one workload of one endpoint, stretch after stretch, and never begin anew."""

    name = NAME

    def __init__(self, processes: Sequence[_Process]) -> None:
        self._processes = processes

    def __repr__(self) -> str:
        return f"<Generator of {len(self._processes)} processes>"

    @classmethod
    @asynccontextmanager
    async def started(
        cls, workload: Workload, endpoint: Endpoint, *, processes: int = 1, connections: int = 4
    ) -> AsyncIterator[Generator]:
        """A generator while the context lasts. connections: of each process, to each server."""
        async with AsyncExitStack() as stack:
            found = [
                await stack.enter_async_context(_running(Work(workload, endpoint, number, processes, connections)))
                for number in range(processes)
            ]
            yield cls(found)

    async def warm_up(self, stretch: Stretch) -> None:
        """Make everything ready for a stretch. Raises GeneratorFailed."""
        shares: Sequence[Schedule] = stretch.schedule.shares(len(self._processes))
        for process, share in zip(self._processes, shares, strict=False):  # fewer callers than processes: some rest
            process.send(replace(stretch, schedule=share))
            process.is_used = True
        for process in self._used():
            await process.heard()

    async def measure(self) -> Outcome:
        """Make the load that was made ready. Raises GeneratorFailed and Exhausted."""
        used = self._used()
        for process in used:
            process.send(GO)
            process.is_used = False
        outcomes = [await process.heard() for process in used]
        if EXHAUSTED in outcomes:
            raise Exhausted("there was nothing left to ask that had not been asked before")
        return Outcome.joined(outcomes)

    def _used(self) -> Sequence[_Process]:
        return [process for process in self._processes if process.is_used]


@dataclass(slots=True)
class _Process:
    """One of them. is_used: it has a part in the current stretch."""

    process: asyncio.subprocess.Process
    log: IO[bytes]
    is_used: bool = False

    def send(self, value: object) -> None:
        assert self.process.stdin is not None
        with suppress(ConnectionError):  # it has ended: heard() will say so
            self.process.stdin.write(framed(value))

    async def heard(self) -> Any:
        assert self.process.stdout is not None
        try:
            return await receive(self.process.stdout)
        except asyncio.IncompleteReadError:
            self.log.seek(0)
            words = self.log.read()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
            raise GeneratorFailed(f"a load generator has ended: {words or 'it has said nothing'}") from None


@asynccontextmanager
async def _running(work: Work) -> AsyncIterator[_Process]:
    """A process that has its work; it is killed at the end, as there is nothing it could lose."""
    on_leash = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()))
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *on_leash,
            *(sys.executable, "-m", "bench.harness.generator_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # an interrupt from the terminal is for the run, which ends things in order
        )
        try:
            running = _Process(process, log)
            running.send(work)
            yield running
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
