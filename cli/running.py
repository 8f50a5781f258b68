"""Running a node from the command line: signals stop it, errors at its start are one line each."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator

from cli.terminal import give_up, say
from model.errors import AuthzError

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_signal(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``work`` with an event that the first SIGINT or SIGTERM sets; a second one ends the process at once.

    Ends the process with code 1 and a line per error if ``work`` raises AuthzError or OSError.
    """
    problems: list[str] = []
    try:
        asyncio.run(_run(work))
    except* (AuthzError, OSError) as group:
        problems = [_describe(error) for error in _leaves(group)]
    if problems:
        give_up(*problems)


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
