"""Running a node from the command line: its event loop, signals that stop it, errors at its start as one line each."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

from cli.terminal import give_up, say
from model.errors import AuthzError

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


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


def open_many_files() -> None:
    """Let this process open as many files as it may: each connection is one, and 1024 is what many begin with."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not there on Windows

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
    say("stopping; once more to end at once", style="dim", is_error=True)
    stop.set()


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
