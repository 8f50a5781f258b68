"""A process that makes load, started and spoken to by ``generator.py``: ``python -m bench.harness.generator_process``.

It is sent its Work, once. Then for each Stretch it warms up, says WARM, waits for GO, makes the load, and sends what
became of it. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import BinaryIO, Final

import uvloop

from bench.harness.frames import framed, take
from bench.harness.load import Outcome, Requests, ask_all, drive
from bench.harness.ports import Connection, Endpoint, Workload
from bench.harness.schedule import OpenLoop, Stretch

WARM: Final = "warm"
GO: Final = "go"
EXHAUSTED: Final = "exhausted"

_WARMING_CALLERS = 32
_SPARE = 1.2  # so many more requests than the warm-up suggests are made ahead


@dataclass(frozen=True, slots=True)
class Work:
    """What one of several processes is to ask, and whom, over how many connections."""

    workload: Workload
    endpoint: Endpoint
    share: int
    shares: int
    connections: int


async def serve(commands: BinaryIO, answers: BinaryIO) -> None:
    """Do what is asked for, until nothing is."""
    work: Work = await asyncio.to_thread(take, commands)
    asks = work.workload.asks(share=work.share, shares=work.shares)
    requests = Requests(map(work.endpoint.request, asks))
    async with work.endpoint.connected(work.connections) as connection:
        while True:
            try:
                stretch: Stretch = await asyncio.to_thread(take, commands)
            except EOFError:
                return
            await _warm_up(work, connection, requests, stretch)
            _say(answers, WARM)
            await asyncio.to_thread(take, commands)
            outcome = await drive(connection, requests, stretch.schedule, stretch.duration_s)
            _say(answers, EXHAUSTED if requests.is_exhausted and _is_short(outcome, stretch) else outcome)


async def _warm_up(work: Work, connection: Connection, requests: Requests, stretch: Stretch) -> None:
    """Fill caches, if they may be, then let everything get going; and make the requests that will be sent."""
    if work.share == 0:
        warm_up = map(work.endpoint.request, work.workload.warm_up())
        await ask_all(connection, warm_up, callers=_WARMING_CALLERS)
    tried = await drive(connection, requests, stretch.schedule, stretch.warm_up_s)
    requests.prepare(_expected(stretch, tried))


def _expected(stretch: Stretch, tried: Outcome) -> int:
    """How many requests the stretch will take, about."""
    if isinstance(stretch.schedule, OpenLoop):
        return sum(1 for _ in stretch.schedule.starts_s(stretch.duration_s))
    return int(tried.sent * stretch.duration_s / stretch.warm_up_s * _SPARE) if stretch.warm_up_s else 0


def _is_short(outcome: Outcome, stretch: Stretch) -> bool:
    """True if it says too little of a system: it came to its end before half of the time."""
    return outcome.ended_s - outcome.began_s < stretch.duration_s / 2


def _say(answers: BinaryIO, value: object) -> None:
    answers.write(framed(value))
    answers.flush()


def main() -> None:
    """Speak over the pipes; whatever is printed goes where errors go."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.stdin.buffer, answers))


if __name__ == "__main__":
    main()
