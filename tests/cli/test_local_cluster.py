"""``make cluster`` as a new user would try it: all of it for real, and nothing left of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.local_cluster.ports import Ports
from cli.local_cluster.processes import run_to_end, running
from cli.local_cluster.programs import Programs
from cli.main import main
from model.errors import Misconfigured, Unavailable
from tests.cli.program import ROOT, read_until, started

PATIENCE_S = 180


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that PostgreSQL's user gets to, whoever we are; its name stands in all commands of what is started."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-place-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _left_over(mark: str) -> list[str]:
    """Commands of processes that name what only ours do."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in command and entry.name != str(os.getpid()):
            found.append(command)
    return found


def test_make_cluster_shows_a_check_and_the_ring_and_leaves_nothing_behind(place: Path) -> None:
    result = subprocess.run(
        ["make", "-s", "cluster", "RUN_ONCE=1"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "user:cem edit document:budget?  denied" in result.stdout
    ring = [line.split() for line in result.stdout.partition("SHARE  STATE\n")[2].splitlines()]
    assert sorted(row[1] for row in ring) == ["east", "east", "west"]
    assert [row[-1] for row in ring] == ["serving"] * 3
    assert "serving until" not in result.stdout
    assert list(place.iterdir()) == []
    assert _left_over(str(place)) == []


def test_an_interrupt_while_it_starts_ends_all_that_was_started(place: Path, tmp_path: Path) -> None:
    with started("local-cluster", home=tmp_path, environment={"TMPDIR": str(place)}) as process:
        read_until(process, "starting PostgreSQL")
        for _ in range(200):
            if list(place.glob("ringward-cluster-*/node-1.log")):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    assert list(place.iterdir()) == []
    assert _left_over(str(place)) == []


def test_all_programs_that_are_missing_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.local_cluster.programs._ALSO_IN", "/nowhere")
    monkeypatch.setattr("cli.local_cluster.programs._POSTGRES_FOLDERS", Path("/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Misconfigured, match=r"initdb, postgres, redis-server, serf, haproxy; .*apt-get install"):
        Programs.found()


async def test_a_process_that_ends_early_is_quoted(tmp_path: Path) -> None:
    (port,) = Ports().some(1)
    async with running("noisy", ["/bin/sh", "-c", "echo no room; exit 3"], tmp_path) as noisy:
        with pytest.raises(Unavailable, match="noisy has ended: no room"):
            await noisy.wait_until_listening(port, within_s=30)
    with pytest.raises(Unavailable, match="noisy has failed: no room"):
        await run_to_end("noisy", ["/bin/sh", "-c", "echo no room; exit 3"], tmp_path)


async def test_a_process_that_never_listens_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    (port,) = Ports().some(1)
    async with running("mute", ["/bin/sleep", "60"], tmp_path) as mute:
        with pytest.raises(Unavailable, match=r"mute is not there after 0\.1 s: it has said nothing"):
            await mute.wait_until_listening(port, within_s=0.1)
    assert mute.process.returncode == -signal.SIGINT


async def test_a_port_is_given_once() -> None:
    ports = Ports()
    (port,) = ports.some(1)
    assert ports.usual(port) != port


def test_it_is_no_command_that_users_are_shown() -> None:
    assert "local-cluster" not in main.get_help(click.Context(main))
