"""h2load of nghttp2 as load generator, for peak rates: it makes more of one request than Python could of any.

It sends one body over and over from a closed loop of callers. Of gRPC it knows nothing, and an answer that is an error
has HTTP status 200; but such an answer carries no message, so the bytes of all answers together tell how many were
none. That the answer is the right one is looked at before and after, by a call of our own.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.harness.histogram import Latency
from bench.harness.load import WRONG, Outcome
from bench.harness.ports import Endpoint, Request
from bench.harness.schedule import ClosedLoop, Stretch
from cluster.membership import leash

NO_MESSAGE = "NO_MESSAGE"
"""The error of a gRPC answer without a message, which is how errors come; which one cannot be told."""

FAILED = "FAILED"
"""The error of a request that had no HTTP answer, or one that was no success."""

_PROGRAM = "h2load"
_CONNECTIONS = 4
_LAST_WORDS = 300
_SPARE_S = 30.0
_US_PER_S = 1_000_000
_PREFIX = struct.Struct("!BI")  # before each message of gRPC: compressed or not, and its length
_GRPC_HEADERS = {"content-type": "application/grpc", "te": "trailers"}


class KeptFailed(Exception):
    """The kept load generator is not there, or made no load."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What h2load says at its end. done: had a whole answer. data_bytes: of the bodies of all answers."""

    done: int
    succeeded: int
    failed: int
    data_bytes: int


class H2load:
    """The generator for one request to the first server of an endpoint. folder: empty, its own.

    name: as results call it.
    """

    def __init__(self, version: str, endpoint: Endpoint, request: Request, folder: Path) -> None:
        self.name = version
        self._endpoint = endpoint
        self._request = request
        self._folder = folder
        self._stretch: Stretch | None = None
        self._answer_bytes = 0

    def __repr__(self) -> str:
        return f"<H2load {self._request.method} at {self._endpoint.addresses[0]}>"

    @classmethod
    async def found(cls, endpoint: Endpoint, request: Request, folder: Path) -> H2load:
        """One over the program of this machine. Raises KeptFailed."""
        if shutil.which(_PROGRAM) is None:
            raise KeptFailed("h2load is not installed here; on Debian and Ubuntu: apt-get install nghttp2-client")
        output, _ = await _run((_PROGRAM, "--version"), within_s=_SPARE_S)
        return cls(output.strip(), endpoint, request, folder)

    async def warm_up(self, stretch: Stretch) -> None:
        """Look at the answer, and make load that does not count. Raises KeptFailed, and CallFailed."""
        if not await self._is_right():
            raise KeptFailed(f"{self._request.method} is not answered as expected")
        await self._load(stretch, stretch.warm_up_s)
        self._stretch = stretch

    async def measure(self) -> Outcome:
        """Make the load that was made ready. Raises KeptFailed."""
        assert self._stretch is not None, "warm up first"
        log = self._folder / "requests.log"
        log.unlink(missing_ok=True)
        output = await self._load(self._stretch, self._stretch.duration_s, f"--log-file={log}")
        now_s = time.monotonic()
        latency, elapsed_s = await asyncio.to_thread(read_log, log)
        if not latency.count:
            raise KeptFailed(f"h2load had no answer: {output[-_LAST_WORDS:]}")
        counts = read_counts(output)
        errors = errors_of(counts, self._answer_bytes)
        if not await self._is_right():
            errors[WRONG] += counts.done - errors.total()
        return Outcome(
            sent=counts.done + counts.failed,
            completed=max(0, counts.done - errors[NO_MESSAGE] - errors[WRONG] - (counts.done - counts.succeeded)),
            errors=dict(errors),
            dropped=0,
            began_s=now_s - elapsed_s,
            ended_s=now_s,
            latency=latency,
            lateness=Latency(),
        )

    async def _is_right(self) -> bool:
        async with self._endpoint.connected(1) as connection:
            reply = await connection.call(self._request)
        prefix_bytes = _PREFIX.size if self._endpoint.transport == "grpc" else 0
        self._answer_bytes = sum(prefix_bytes + len(message) for message in reply)
        return self._request.check is None or self._request.check(reply)

    async def _load(self, stretch: Stretch, duration_s: float, *options: str) -> str:
        body = self._folder / "body"
        body.write_bytes(self._body())
        output, code = await _run(
            (
                *(_PROGRAM, "-t1", *self._callers(stretch), f"-D{max(1, round(duration_s * 1_000))}ms", f"-d{body}"),
                *(*self._headers(), *options),
                f"http://{self._endpoint.addresses[0]}{self._request.method}",
            ),
            within_s=duration_s + _SPARE_S,
        )
        if code:
            raise KeptFailed(f"h2load has failed: {output[-_LAST_WORDS:]}")
        return output

    def _body(self) -> bytes:
        body = self._request.body
        return _PREFIX.pack(0, len(body)) + body if self._endpoint.transport == "grpc" else body

    def _headers(self) -> Iterator[str]:
        by_name = self._endpoint.headers
        if self._endpoint.transport == "grpc":
            by_name = {**by_name, **_GRPC_HEADERS}
        else:
            yield "--h1"
        for name, value in by_name.items():
            yield f"-H{name}: {value}"

    def _callers(self, stretch: Stretch) -> Sequence[str]:
        """Callers on a few connections; HTTP/1.1 takes one for each."""
        if not isinstance(stretch.schedule, ClosedLoop):
            raise KeptFailed("h2load makes closed loops alone")
        callers = stretch.schedule.callers
        if self._endpoint.transport == "http":
            return (f"-c{callers}", "-m1")
        connections = min(_CONNECTIONS, callers)
        return (f"-c{connections}", f"-m{-(-callers // connections)}")


def read_counts(output: str) -> Counts:
    """What h2load has printed. Raises KeptFailed for something else."""
    requests = re.search(
        r"^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output, re.MULTILINE
    )
    data = re.search(r"^traffic: .*\((\d+)\) data$", output, re.MULTILINE)
    if requests is None or data is None:
        raise KeptFailed(f"h2load has not said what came of it: {output[-_LAST_WORDS:]}")
    done, succeeded, failed, errored, timeouts = map(int, requests.groups())
    return Counts(done, succeeded, failed + errored + timeouts, int(data[1]))


def errors_of(counts: Counts, answer_bytes: int) -> Counter[str]:
    """Errors by name. answer_bytes: of the body of a good answer, above 0.

    Calls in progress at the end may have added a body each, which hides so many errors: as many as there are callers.
    """
    errors = Counter({FAILED: counts.failed + counts.done - counts.succeeded})
    errors[NO_MESSAGE] = max(0, counts.succeeded - counts.data_bytes // answer_bytes)
    return +errors


def read_log(log: Path) -> tuple[Latency, float]:
    """Latency of the successes of a log h2load has kept, and seconds from the first start to the last answer."""
    latency, first_us, last_us = Latency(), 0, 0
    with log.open(encoding="ascii") as lines:
        for line in lines:
            began_us, status, took_us = map(int, line.split("\t")[:3])
            first_us = min(first_us, began_us) if first_us else began_us
            last_us = max(last_us, began_us + took_us)
            if 200 <= status < 300:
                latency.record_s(took_us / _US_PER_S)
    return latency, (last_us - first_us) / _US_PER_S


async def _run(command: Sequence[str], *, within_s: float) -> tuple[str, int]:
    """What a program says, and its exit code. Raises KeptFailed if it does not end in time; it is killed then."""
    on_leash = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()))
    program = shutil.which(command[0]) or command[0]
    process = await asyncio.create_subprocess_exec(
        *(*on_leash, program, *command[1:]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # an interrupt from the terminal is for the run, which ends things in order
    )
    try:
        async with asyncio.timeout(within_s):
            output, _ = await process.communicate()
    except TimeoutError:
        raise KeptFailed(f"{command[0]} has not ended after {within_s:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return output.decode(errors="replace"), process.returncode or 0
