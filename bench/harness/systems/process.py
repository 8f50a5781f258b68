"""Programs that serve: started, waited for, and never left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bench.harness.ports import NotStarted
from bench.processes import port_open
from cluster.membership import leash

_BEGINNING_S = 60.0
_STOPPING_S = 15.0
_LOOK_S = 0.5
_BEGINNING_LOOKS = int(_BEGINNING_S / _LOOK_S)
_LAST_LINES = 5

Command = Sequence[str | Path]


@asynccontextmanager
async def serving(
    command: Command, *, port: int, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """The pid of a program that listens on a port of loopback while the context lasts; killed at the end, if need be.

    It does not outlive this process, however that ends, and an interrupt from the terminal is not for it. log: where
    its output goes. environment: beside ours. Raises NotStarted.
    """
    process = await _started(command, log, environment)
    try:
        await _listens(process, port, log)
        yield process.pid
    finally:
        await _stop(process)


async def finished(command: Command, *, log: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a program has said that ended by itself and well. Raises NotStarted."""
    process = await _started(command, log, environment)
    try:
        async with asyncio.timeout(_BEGINNING_S):
            code = await process.wait()
    except TimeoutError:
        raise NotStarted(f"{command[0]} has not ended after {_BEGINNING_S:g} s: {_last_words(log)}") from None
    finally:
        await _stop(process)
    if code:
        raise NotStarted(f"{command[0]} has failed: {_last_words(log)}")
    return _said(log)


async def _started(command: Command, log: Path, environment: Mapping[str, str] | None) -> asyncio.subprocess.Process:
    on_leash = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()))
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *(*on_leash, _place_of(command[0]), *command[1:]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    for _ in range(_BEGINNING_LOOKS):
        with suppress(TimeoutError):
            return await port_open(port, within_s=_LOOK_S)
        if process.returncode is not None:
            raise NotStarted(f"has ended: {_last_words(log)}")
    raise NotStarted(f"does not listen after {_BEGINNING_S:g} s: {_last_words(log)}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Tell it to stop, and kill it if that takes too long, or if this is cancelled."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_STOPPING_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    await process.wait()


def _place_of(program: str | Path) -> str:
    """Whole, since what is on a leash is not looked for on the path."""
    if not (place := shutil.which(program)):
        raise NotStarted(f"{program} is no program that could be run")
    return str(Path(place).absolute())


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _last_words(log: Path) -> str:
    lines = _said(log).splitlines()
    return " | ".join(lines[-_LAST_LINES:]) or "it has said nothing"
