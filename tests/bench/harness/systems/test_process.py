"""Programs that serve: they end with the context, and what they said is told when they do not serve."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bench.harness.ports import NotStarted
from bench.harness.systems.process import finished, serving
from bench.processes import free_ports
from tests.support.eventually import eventually

SERVE = """
import http.server, os, sys
print(os.environ.get("WORD"), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
LIVES_ON_AT_SIGINT = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + SERVE


def program(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_program_serves_while_the_context_lasts_and_is_gone_after(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    log = tmp_path / "log"
    async with serving(program(SERVE, port), port=port, log=log, environment={"WORD": "hello"}) as pid:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        assert is_there(pid)
        assert os.getpgid(pid) != os.getpgid(0)  # an interrupt from the terminal is not for it
    assert not is_there(pid)
    assert "hello" in log.read_text()


async def test_a_program_ends_when_the_context_fails(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    pids: list[int] = []

    async def serve() -> None:
        async with serving(program(SERVE, port), port=port, log=tmp_path / "log") as pid:
            pids.append(pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await serve()
    assert not is_there(*pids)


async def test_a_program_ends_when_the_task_is_cancelled_even_if_it_would_rather_not(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    pids: list[int] = []

    async def serve() -> None:
        async with serving(program(LIVES_ON_AT_SIGINT, port), port=port, log=tmp_path / "log") as pid:
            pids.append(pid)
            await asyncio.Event().wait()

    task = asyncio.create_task(serve())
    await eventually(lambda: _said(bool(pids)))
    task.cancel()
    await asyncio.sleep(0.05)
    task.cancel()  # impatience, while it is being waited for: it is killed at once
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: _said(not is_there(*pids)))


async def test_a_program_that_ends_before_it_serves_is_told_with_its_last_words(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with pytest.raises(NotStarted, match=r"has ended: .*no such database"):
        async with serving(program("raise SystemExit('no such database')"), port=port, log=tmp_path / "log"):
            pytest.fail("it does not serve")


async def test_what_is_no_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match="/nowhere/openfga is no program"):
        async with serving(("/nowhere/openfga",), port=1, log=tmp_path / "log"):
            pytest.fail("it does not serve")


async def test_what_a_program_said_that_ended_well_is_given(tmp_path: Path) -> None:
    assert await finished(program("print('migrated')"), log=tmp_path / "log") == "migrated\n"


async def test_a_program_that_failed_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match="has failed: no such table"):
        await finished(program("raise SystemExit('no such table')"), log=tmp_path / "log")


async def test_a_program_does_not_outlive_us_however_we_end(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    ours = f"""
import asyncio, sys
from pathlib import Path
from bench.harness.systems.process import serving
async def main():
    command = [sys.executable, "-c", {SERVE!r}, "{port}"]
    async with serving(command, port={port}, log=Path({str(tmp_path / "log")!r})) as pid:
        print(pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        *program(ours), stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await eventually(lambda: _said(not is_there(pid)))


async def _said(is_so: bool) -> bool:
    return is_so
