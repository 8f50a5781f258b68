"""Processes of a cluster to play with: started, waited for, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cluster.membership import leash
from model.errors import Unavailable

_STOPPING_S = 15.0
_LOOK_AGAIN_S = 0.05
_LAST_LINES = 5


class Started:
    """A process that was started. log: where its output goes."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self._is_told = False

    def __repr__(self) -> str:
        return f"<Started {self.name}, process {self.process.pid}>"

    def tell_to_stop(self) -> None:
        """Interrupt it, once: a second time would have it end at once."""
        if not self._is_told:
            self._is_told = True
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGINT)

    async def stop(self) -> None:
        """Tell it to stop, and kill it if that takes too long, or if this is cancelled."""
        self.tell_to_stop()
        try:
            async with asyncio.timeout(_STOPPING_S):
                await self.process.wait()
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                self.process.kill()
        await self.process.wait()

    async def wait_until_listening(self, port: int, *, within_s: float) -> None:
        """Return once a port of loopback takes connections. Raises Unavailable, with its last words, if it does not."""
        try:
            async with asyncio.timeout(within_s):
                while not await _is_listening(port):
                    if self.process.returncode is not None:
                        raise Unavailable(f"{self.name} has ended: {self.last_words()}")
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise Unavailable(f"{self.name} is not there after {within_s:g} s: {self.last_words()}") from None

    def last_words(self) -> str:
        """The end of its output, in one line."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-_LAST_LINES:]) or "it has said nothing"


@asynccontextmanager
async def running(
    name: str, command: Sequence[str], folder: Path, *, through: Sequence[str] = ()
) -> AsyncIterator[Started]:
    """A process while the context lasts; at its end it is asked to stop (SIGINT), and killed if that takes too long.

    It does not outlive this process, however that ends. through: the start of its command, in the process itself.
    Raises Unavailable if it cannot be started.
    """
    log = folder / f"{name}.log"
    on_leash = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()))
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(*on_leash, *through, *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,  # an interrupt from the terminal is for us, and they stop in order
        )
    started = Started(name, process, log)
    try:
        yield started
    finally:
        await started.stop()


async def run_to_end(name: str, command: Sequence[str], folder: Path, *, through: Sequence[str] = ()) -> None:
    """Run a command that ends by itself. Raises Unavailable, with its last words, if it fails."""
    async with running(name, command, folder, through=through) as started:
        if await started.process.wait() != 0:
            raise Unavailable(f"{name} has failed: {started.last_words()}")


async def _is_listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
