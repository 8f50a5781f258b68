"""Output that never makes its writer wait, onto real pipes and a real device that is always full."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from threading import Event, Thread

import pytest
import structlog

from telemetry.logs import LogLevel, configure_logs
from telemetry.outlet import Outlet

PIPE_BYTES = 4096  # the least there is


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Where to read and where to write; few bytes fit in it."""
    reader, writer = os.pipe()
    fcntl(writer, F_SETPIPE_SZ, PIPE_BYTES)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


@pytest.fixture(autouse=True)
def warnings() -> Iterator[io.StringIO]:
    """What is logged meanwhile, as JSON."""
    stream = io.StringIO()
    configure_logs(LogLevel.INFO, json=True, stream=stream)
    yield stream
    structlog.reset_defaults()


def told(warnings: io.StringIO) -> list[int]:
    """How many lines were said to be lost."""
    return [json.loads(line)["lines"] for line in warnings.getvalue().splitlines()]


def read(reader: int, size: int) -> bytes:
    """So many bytes."""
    found = b""
    while len(found) < size:
        found += os.read(reader, size - len(found))
    return found


def test_what_is_written_comes_in_order_and_all_of_it_before_the_end() -> None:
    with pipe() as (reader, writer):
        with Outlet(writer) as outlet:
            for number in range(100):
                outlet.write(f"line {number}\n")
        assert os.read(reader, PIPE_BYTES).decode() == "".join(f"line {number}\n" for number in range(100))
        assert outlet.lines_lost == 0


def test_nobody_waits_for_a_reader_that_does_not_read_and_what_is_lost_is_told(warnings: io.StringIO) -> None:
    line = "x" * 99 + "\n"
    with pipe() as (reader, writer):
        outlet = Outlet(writer, most_waiting_bytes=10_000)
        for _ in range(1000):
            outlet.write(line)  # the test would hang here
        kept = 1000 - outlet.lines_lost
        assert 100 <= kept <= 100 + PIPE_BYTES // 100 + 1
        assert read(reader, kept * 100) == line.encode() * kept
        outlet.close()
        assert sum(told(warnings)) == outlet.lines_lost == 1000 - kept


def test_closing_does_not_wait_for_ever() -> None:
    with pipe() as (reader, writer):
        with Outlet(writer) as outlet:
            outlet.write("x" * 2 * PIPE_BYTES)
        outlet.write("too late\n")
        assert outlet.lines_lost == 1
        read(reader, 2 * PIPE_BYTES)
        outlet.close()


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        with Outlet(full.fileno()) as outlet:
            outlet.write("a\nb\n")
            outlet.write("c\n")
        assert outlet.lines_lost == 3


def test_a_reader_that_is_gone_costs_lines_and_nothing_else() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with Outlet(writer) as outlet:
        outlet.write("a\n")
    assert outlet.lines_lost == 1
    os.close(writer)


def test_where_a_disk_takes_half_a_line_the_next_begins_on_its_own(warnings: io.StringIO) -> None:
    """A pipe whose reader goes away takes a part and then fails, as a disk that fills up does."""
    reader, writer = os.pipe()
    fcntl(writer, F_SETPIPE_SZ, PIPE_BYTES)
    outlet = Outlet(writer)
    outlet.write("x" * 2 * PIPE_BYTES + "\n")
    read(reader, 1)  # so that it has begun
    other_reader, other_writer = os.pipe()
    os.close(reader)
    while not outlet.lines_lost:
        pass
    os.dup2(other_writer, writer)  # the disk has room again
    outlet.write("next\n")
    outlet.close()
    assert os.read(other_reader, 100) == b"\nnext\n"
    assert told(warnings) == [1]
    for descriptor in (writer, other_reader, other_writer):
        os.close(descriptor)


def test_a_pipe_that_others_made_not_to_wait_is_waited_for() -> None:
    with pipe() as (reader, writer):
        os.set_blocking(writer, False)
        outlet = Outlet(writer)
        outlet.write("x" * 3 * PIPE_BYTES)
        assert read(reader, 3 * PIPE_BYTES) == b"x" * 3 * PIPE_BYTES
        outlet.close()
        assert outlet.lines_lost == 0


def test_many_threads_write_whole_lines() -> None:
    with pipe() as (reader, writer):
        outlet = Outlet(writer)
        begin = Event()

        def write(name: str) -> None:
            begin.wait()
            for _ in range(200):
                outlet.write(name * 20 + "\n")

        threads = [Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        begin.set()
        lines = read(reader, 3 * 200 * 21).decode().splitlines()
        for thread in threads:
            thread.join()
        outlet.close()
    assert sorted(lines) == [name * 20 for name in "abc" for _ in range(200)]


def test_it_passes_for_a_stream_of_text() -> None:
    with pipe() as (reader, writer), Outlet(writer) as outlet:
        assert outlet.writable()
        assert not outlet.isatty()
        assert outlet.fileno() == writer
        print("é", "\udcff", file=outlet, flush=True)
        assert read(reader, 10).decode(outlet.encoding) == "é \\udcff\n"
        assert "0 lines lost" in repr(outlet)
