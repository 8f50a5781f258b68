"""Running a node from the command line: its event loop, signals that stop it, errors at its start as one line each."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout, suppress
from types import FrameType
from typing import NoReturn

from cli.terminal import give_up, say
from model.errors import AuthzError
from telemetry.outlet import Outlet

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INIT = 1

_TRIM_EVERY_S = 5.0

_YOUNG_OBJECTS = 10_000  # a few MB; Python's own 700 are what a single check leaves behind


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where that exists: a statement of the database costs a third less than on Python's own."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - not installed on Windows

    return uvloop.new_event_loop()


def run_until_signal(
    work: Callable[[asyncio.Event], Awaitable[None]],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = new_event_loop,
) -> None:
    """Run ``work`` with an event that the first SIGINT or SIGTERM sets; a second one ends the process at once.

    Ends the process with code 1 and a line per error if ``work`` raises AuthzError or OSError.
    """
    problems: list[str] = []
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(work))
    except* (AuthzError, OSError) as group:
        problems = [_describe(error) for error in _leaves(group)]
    if problems:
        give_up(*problems)


class ToldToStop(Exception):
    """A signal has come before the work was where it wanted to be."""


@asynccontextmanager
async def broken_off_by(stop: asyncio.Event) -> AsyncIterator[None]:
    """What is done in the context is cancelled once the event is set. Raises ToldToStop if it was."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as until, asyncio.TaskGroup() as group:

            async def watch() -> None:
                await stop.wait()
                until.reschedule(loop.time())

            watching = group.create_task(watch())
            yield
            watching.cancel()
    except TimeoutError:
        if until.expired():
            raise ToldToStop from None
        raise


@contextmanager
def output_without_waiting() -> Iterator[None]:
    """All that is printed in the context goes by ``Outlet``: whoever reads it, or does not, the work goes on."""
    for descriptor in range(3):
        _ensure_open(descriptor)
    with Outlet(1) as out, Outlet(2) as err, redirect_stdout(out), redirect_stderr(err):
        yield


def _ensure_open(descriptor: int) -> None:
    """Open a standard stream onto nothing if it is closed, lest a socket takes its place and gets to read our logs."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free


def open_many_files() -> None:
    """Let this process open as many files as it may: each connection is one, and 1024 is what many begin with."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not there on Windows

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@asynccontextmanager
async def memory_trimmed() -> AsyncIterator[None]:
    """While the context lasts, memory that is free goes back to the system every few seconds, where glibc allocates it.

    Left to itself glibc keeps what lies free between blocks, and more of it the larger the first block was that it
    freed: after four floods of requests of 3 MB a node kept 310 MB for ever, and so it keeps 80.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        yield
        return

    async def keep_trimming() -> None:
        while True:
            await asyncio.sleep(_TRIM_EVERY_S)
            await asyncio.to_thread(trim, 0)

    async with asyncio.TaskGroup() as group:
        trimming = group.create_task(keep_trimming())
        yield
        trimming.cancel()


def spare_the_collector() -> None:
    """Have the garbage collector look at new objects less often, and never again at what is there by now.

    To be called once a node has started. It saves an eighth of a check over PostgreSQL (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


async def _run(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, _begin_to_stop, stop)
    await work(stop)


def _begin_to_stop(stop: asyncio.Event) -> None:
    """Ask for an orderly end, and leave the next signal to the system, whose answer is to end the process."""
    stop.set()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.remove_signal_handler(number)
        signal.signal(number, _end_at_once if os.getpid() == _INIT else signal.SIG_DFL)
    say("stopping; once more to end at once", style="dim", is_error=True)


def _end_at_once(number: int, _frame: FrameType | None) -> NoReturn:
    """End as the system would: it spares the first process of a container, unless that has an answer of its own."""
    os._exit(128 + number)


def _leaves(group: BaseExceptionGroup) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)
