"""An event loop whose time leaps: whoever sleeps wakes at once, in the right order, and on time by the loop's clock."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def leaping(story: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in a loop of its own. Raises TimeoutError if nothing is left that could wake it."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(story)


class LeapingLoop(asyncio.SelectorEventLoop):
    """Starts at zero. Work for threads is done in place, since time must not leap while a thread is at it."""

    def __init__(self) -> None:
        self._leapt_s = 0.0
        super().__init__(_LeapingSelector(self._leap))

    def time(self) -> float:
        return self._leapt_s

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # noqa: ARG002
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # as an executor does
            done.set_exception(error)
        return done

    def _leap(self, seconds: float) -> None:
        self._leapt_s += seconds


class _LeapingSelector(selectors.SelectSelector):
    """Never waits. Nothing outside the loop is ever waited for, so to wait without end is to hang."""

    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise TimeoutError("everybody waits for ever")
        if not ready and timeout is not None and timeout > 0:
            self._leap(timeout)
        return ready
