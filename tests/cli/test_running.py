"""Signals: the first asks for an orderly end, the second ends at once. Errors are lines."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import uvloop

from cli.running import open_many_files, run_until_signal, spare_the_collector
from model.errors import StorageFailed, Unavailable
from tests.cli.program import TIMEOUT_S, read_until, started

STUBBORN = """
import asyncio
from cli.running import run_until_signal

async def work(stop):
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep(SECONDS)

run_until_signal(work)
print("done", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with started(home=tmp_path, code=STUBBORN.replace("SECONDS", "0")) as process:
        read_until(process, "ready")
        process.send_signal(number)
        read_until(process, "done")
        assert process.wait(TIMEOUT_S) == 0


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with started(home=tmp_path, code=STUBBORN.replace("SECONDS", "3600")) as process:
        read_until(process, "ready")
        process.send_signal(signal.SIGINT)
        read_until(process, "stopping")
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == -signal.SIGINT


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (Unavailable("port 1 is in use"), ["error: port 1 is in use"]),
        (PermissionError(13, "Permission denied", "/x.db"), ["error: Permission denied: /x.db"]),
        (
            ExceptionGroup("both", [Unavailable("a"), ExceptionGroup("more", [StorageFailed("b")])]),
            ["error: a", "error: b"],
        ),
    ],
)
def test_an_error_at_start_is_a_line_and_exit_code_1(
    error: Exception, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(_stop: asyncio.Event) -> None:
        raise error

    with pytest.raises(click.exceptions.Exit) as raised:
        run_until_signal(work)
    assert raised.value.exit_code == 1
    assert capsys.readouterr().err.splitlines() == lines


def test_a_bug_keeps_its_traceback() -> None:
    async def work(_stop: asyncio.Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_until_signal(work)


def test_the_work_runs_on_the_quicker_loop() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def work(stop: asyncio.Event) -> None:  # noqa: ARG001 - what is run takes it
        loops.append(asyncio.get_running_loop())

    run_until_signal(work)
    assert isinstance(loops[0], uvloop.Loop)


@pytest.fixture
def collector() -> Iterator[None]:
    """Python's garbage collector, as it was again afterwards."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_what_is_there_is_spared_by_the_collector_and_what_comes_is_not() -> None:
    class Ring:
        """Refers to itself, so that only the collector can free it."""

        def __init__(self) -> None:
            self.itself = self

    kept = Ring()
    spare_the_collector()
    assert gc.get_freeze_count() > 1000
    assert gc.isenabled()
    assert kept not in gc.get_objects()
    later = Ring()
    assert later in gc.get_objects()


def test_as_many_files_may_be_open_as_the_system_lets_a_process_have() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, most = before
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most // 2, most))
        open_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
