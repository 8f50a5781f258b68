"""Long reads in turns: about a millisecond of the event loop each, all within one read transaction per turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from storage.sqlite.reader import Execute, Reader
from storage.sqlite.timeline import Timeline

STATEMENT_COST = 16
"""What running a statement costs beside the rows it gives, in rows."""

_COST_PER_TURN = 1500  # about a millisecond


async def run_in_turns(
    reader: Reader, timeline: Timeline, number: int, steps_of: Callable[[Execute], Iterator[int]]
) -> None:
    """Run the steps to their end; each fetches all rows of its statements and gives its cost in rows.

    A few steps are run without an await. Raises SnapshotExpired if the horizon passes the commit meanwhile, and what
    ``Reader`` and the steps raise.
    """
    steps: Iterator[int] | None = None

    def turn(execute: Execute) -> bool:
        nonlocal steps
        steps = steps or steps_of(execute)
        return _is_finished(steps)

    while not reader.together(turn):
        timeline.ensure_readable(number)
        await asyncio.sleep(0)
    timeline.ensure_readable(number)


def _is_finished(steps: Iterator[int]) -> bool:
    """Take steps for the cost of a turn; True if they are at their end."""
    cost = 0
    for step_cost in steps:
        cost += step_cost
        if cost >= _COST_PER_TURN:
            return False
    return True
