"""The load, in the process that makes it: requests by a schedule, and what became of them."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

from bench.harness.alarm import Alarm
from bench.harness.histogram import LONGEST_S, Latency
from bench.harness.ports import CallFailed, Connection, Reply, Request
from bench.harness.schedule import ClosedLoop, OpenLoop, Schedule

WRONG = "WRONG"
"""The error of an answer that is not the right one."""

UNANSWERED = "UNANSWERED"
"""The error of a request that had no answer a minute after the stretch."""

LOOKED_AT = 500
"""So many answers of a stretch, any of them, are looked at once it is over; a wrong one is an error."""

_HEAD_START_S = 0.02


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one stretch of load, in one process or several.

    Counts as in a Sample. began_s: the first intended start, ended_s: the last answer, by the monotonic clock, which
    all processes of a machine share. lateness: of requests leaving, against their intended start.
    """

    sent: int
    completed: int
    errors: Mapping[str, int]
    dropped: int
    began_s: float
    ended_s: float
    latency: Latency
    lateness: Latency

    @classmethod
    def joined(cls, parts: Sequence[Outcome]) -> Outcome:
        """Of what processes did side by side: at least one."""
        errors = sum((Counter(part.errors) for part in parts), Counter[str]())
        return cls(
            sent=sum(part.sent for part in parts),
            completed=sum(part.completed for part in parts),
            errors=dict(errors),
            dropped=sum(part.dropped for part in parts),
            began_s=min(part.began_s for part in parts),
            ended_s=max(part.ended_s for part in parts),
            latency=Latency.merged(part.latency for part in parts),
            lateness=Latency.merged(part.lateness for part in parts),
        )


class Requests(Iterator[Request]):
    """Requests of a source, some of them made ahead, so that making them takes nothing from the load."""

    def __init__(self, source: Iterator[Request]) -> None:
        self._source = source
        self._ready: deque[Request] = deque()
        self.is_exhausted = False
        """True once somebody asked for one and there was none."""

    def __next__(self) -> Request:
        if self._ready:
            return self._ready.popleft()
        try:
            return next(self._source)
        except StopIteration:
            self.is_exhausted = True
            raise

    def prepare(self, count: int) -> None:
        """Make so many ahead, or as many as there are."""
        self._ready.extend(islice(self._source, max(0, count - len(self._ready))))


async def drive(
    connection: Connection,
    requests: Iterator[Request],
    schedule: Schedule,
    duration_s: float,
    *,
    give_up_s: float = LONGEST_S,
) -> Outcome:
    """Make load for so long, and wait for the answers, for at most give_up_s longer.

    Ends early if the requests do.
    """
    tally = _Tally()
    with suppress(TimeoutError), _collector_at_rest():
        async with asyncio.timeout(duration_s + give_up_s):
            match schedule:
                case OpenLoop():
                    await _open(connection, requests, schedule, duration_s, tally)
                case ClosedLoop():
                    await _closed(connection, requests, schedule, duration_s, tally)
    return tally.outcome()


async def ask_all(connection: Connection, requests: Iterator[Request], *, callers: int) -> None:
    """Ask everything once, whatever the answers are."""

    async def caller() -> None:
        for request in requests:
            with suppress(CallFailed):
                await connection.call(request)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())


class _Tally:
    """Counts what becomes of requests. open: how many are without an answer."""

    def __init__(self) -> None:
        self.open = 0
        self._sent = self._dropped = self._seen = 0
        self._errors: Counter[str] = Counter()
        self._latency = Latency()
        self._lateness = Latency()
        self._began_s = self._ended_s = time.monotonic()
        self._chance = random.Random(1)
        self._looked_at: list[tuple[Request, Reply]] = []

    def begin(self, at_s: float) -> None:
        """The first request is meant to start then."""
        self._began_s = self._ended_s = at_s

    def drop(self, request: Request) -> None:
        """One is not sent, although it was meant to be."""
        if request.timed:
            self._sent += 1
            self._dropped += 1

    async def send(self, connection: Connection, request: Request, meant_s: float) -> None:
        """Send one that was meant to be sent then, and wait for its answer."""
        if request.timed:
            self._sent += 1
            self._lateness.record_s(time.monotonic() - meant_s)
        try:
            reply = await connection.call(request)
        except CallFailed as error:
            self._end()
            self._errors[error.status] += 1
        except asyncio.CancelledError:
            self._errors[UNANSWERED] += 1
            raise
        else:
            self._end()
            if request.timed:
                self._latency.record_s(self._ended_s - meant_s)
                self._keep(request, reply)

    def outcome(self) -> Outcome:
        """All there is to say, once nothing is sent any more."""
        wrong = sum(not check(reply) for request, reply in self._looked_at if (check := request.check))
        return Outcome(
            sent=self._sent,
            completed=self._latency.count - wrong,
            errors=dict(self._errors + Counter({WRONG: wrong})),
            dropped=self._dropped,
            began_s=self._began_s,
            ended_s=self._ended_s,
            latency=self._latency,
            lateness=self._lateness,
        )

    def _end(self) -> None:
        self._ended_s = time.monotonic()

    def _keep(self, request: Request, reply: Reply) -> None:
        """To be looked at, each answer equally likely."""
        self._seen += 1
        if len(self._looked_at) < LOOKED_AT:
            self._looked_at.append((request, reply))
        elif (place := self._chance.randrange(self._seen)) < LOOKED_AT:
            self._looked_at[place] = (request, reply)


async def _open(
    connection: Connection, requests: Iterator[Request], schedule: OpenLoop, duration_s: float, tally: _Tally
) -> None:
    begins_s = time.monotonic() + _HEAD_START_S
    meant_s = [begins_s + start_s for start_s in schedule.starts_s(duration_s)]
    tally.begin(meant_s[0] if meant_s else begins_s)

    async def send(request: Request, at_s: float) -> None:
        try:
            await tally.send(connection, request, at_s)
        finally:
            tally.open -= 1

    async with asyncio.TaskGroup() as group:
        with Alarm.open() as alarm:
            for at_s, request in zip(meant_s, requests, strict=False):  # the requests may end first
                await alarm.until(at_s)
                if tally.open >= schedule.most_open:
                    tally.drop(request)
                    continue
                tally.open += 1
                group.create_task(send(request, at_s))


async def _closed(
    connection: Connection, requests: Iterator[Request], schedule: ClosedLoop, duration_s: float, tally: _Tally
) -> None:
    begins_s = time.monotonic()
    ends_s = begins_s + duration_s
    tally.begin(begins_s)

    async def caller() -> None:
        while time.monotonic() < ends_s and (request := next(requests, None)) is not None:
            await tally.send(connection, request, time.monotonic())

    async with asyncio.TaskGroup() as group:
        for _ in range(schedule.callers):
            group.create_task(caller())


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No garbage is looked for meanwhile: its pauses would be taken for the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
