"""Signals: the first asks for an orderly end, the second ends at once. Errors are lines."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click
import pytest

from cli.running import run_until_signal
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
