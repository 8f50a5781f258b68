"""What processes take, seen on processes that are made to take it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.harness.usage import Meter, peak_bytes

MB = 1 << 20


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs the code, which says when it is done and then waits for the end of its input."""
    command = [sys.executable, "-S", "-c", f"import sys\n{code}\nimport os\nos.write(1, b'done\\n')\nsys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def wait(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"done\n"


SPIN = "import time\nends = time.process_time() + 0.3\nwhile time.process_time() < ends: pass"


def test_cpu_counts_from_the_beginning_with_all_that_is_below_even_if_it_has_ended() -> None:
    below = f"import subprocess\nsubprocess.run([sys.executable, '-S', '-c', {SPIN!r}])"
    with python(f"sys.stdin.readline()\n{below}") as busy, python("") as idle:
        assert busy.stdin is not None
        wait(idle)
        meter = Meter({"server": busy.pid, "database": idle.pid})
        busy.stdin.write(b"\n")
        busy.stdin.flush()
        wait(busy)
        server, database = meter.taken()
    assert (server.name, database.name) == ("server", "database")
    assert 0.28 <= server.cpu_s < 1.0
    assert database.cpu_s < 0.1


def test_what_was_taken_before_does_not_count() -> None:
    with python(SPIN) as process:
        wait(process)
        (server,) = Meter({"server": process.pid}).taken()
    assert server.cpu_s < 0.1


def test_memory_is_the_most_there_was_though_it_was_given_back() -> None:
    with python(f"much = b'x' * {100 * MB}\ndel much") as process:
        wait(process)
        assert peak_bytes([process.pid]) == pytest.approx(110 * MB, rel=0.1)


def test_memory_that_processes_share_counts_once() -> None:
    code = f"""
import mmap, os
shared = mmap.mmap(-1, {64 * MB})
for _ in range({64}):
    shared.write(b'x' * {MB})
for _ in 'ab':
    if os.fork() == 0:
        sum(shared[::4096])
        os.write(1, b'done\\n')
        sys.stdin.read()
        os._exit(0)
"""
    with python(code) as process:
        for _ in "abc":
            wait(process)
        (server,) = Meter({"server": process.pid}).taken()
    assert 64 * MB < server.peak_bytes < 2 * 64 * MB


def test_a_process_that_has_ended_takes_nothing() -> None:
    with python("") as process:
        wait(process)
        meter = Meter({"server": process.pid})
    (server,) = meter.taken()
    assert (server.cpu_s, server.peak_bytes) == (0.0, 0)


def test_a_system_elsewhere_has_no_processes() -> None:
    assert Meter({}).taken() == ()
    assert peak_bytes([os.getpid()]) > MB
