"""What everybody is doing: the tasks of the event loop with what they wait for, and the threads with where they are.

Only places in the code are told, no values.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from types import FrameType
from typing import Any

_DEEPEST = 100


def described() -> str:
    """Tasks that stand at the same place are told once, most of them first; then each thread."""
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for task in asyncio.all_tasks():
        places[tuple(_awaited(task.get_coro()))].append(task.get_name())
    lines = [f"{sum(map(len, places.values()))} tasks"]
    for stack, names in sorted(places.items(), key=lambda item: (-len(item[1]), item[0])):
        lines += ["", f"{min(names)}{_others(len(names) - 1)}", *(f"    {place}" for place in stack)]
    lines += ["", f"{threading.active_count()} threads"]
    for thread in threading.enumerate():
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the way there is
        lines += ["", thread.name, *(f"    {place}" for place in _called(frame))]
    return "\n".join(lines) + "\n"


def _others(count: int) -> str:
    return f" and {count} more" if count else ""


def _awaited(awaitable: Any) -> Iterator[str]:
    """Where a coroutine waits, the outermost first: coroutines, generators and asynchronous generators in a chain."""
    for _ in range(_DEEPEST):
        frame = _first(awaitable, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            return
        yield _place(frame)
        awaitable = _first(awaitable, "cr_await", "gi_yieldfrom", "ag_await")


def _first(thing: object, *names: str) -> Any:
    return next((found for name in names if (found := getattr(thing, name, None)) is not None), None)


def _called(frame: FrameType | None) -> Iterator[str]:
    """Where a thread is, the innermost first."""
    while frame is not None:
        yield _place(frame)
        frame = frame.f_back


def _place(frame: FrameType) -> str:
    code = frame.f_code
    return f"{code.co_qualname}  {code.co_filename}:{frame.f_lineno}"
