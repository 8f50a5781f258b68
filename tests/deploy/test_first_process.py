"""The image's entrypoint as the first process of a container, where signals nobody has an answer to are lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from tests.cli.program import ROOT
from tests.support.root import command_of_root

PATIENCE_S = 60.0
SETTINGS = {
    "RINGWARD_DATABASE_ENGINE": "memory",
    "RINGWARD_SERVER_HOST": "127.0.0.1",
    "RINGWARD_GRPC_PORT": "0",
    "RINGWARD_HTTP_PORT": "0",
}


def entrypoint() -> Sequence[str]:
    """Of the image, with the program of this checkout."""
    (line,) = (it for it in (ROOT / "deploy" / "Dockerfile").read_text().splitlines() if it.startswith("ENTRYPOINT"))
    program = str(Path(sys.executable).with_name("ringward"))
    return [program if word == "ringward" else word for word in json.loads(line.removeprefix("ENTRYPOINT"))]


@contextmanager
def first_process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Whoever made the namespace, which ends as its first process does, and the number of that here."""
    variables = [f"{name}={value}" for name, value in SETTINGS.items()]
    made = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "env", *variables, *entrypoint(), *arguments)
    with subprocess.Popen(command_of_root(*made), stderr=subprocess.PIPE, text=True) as maker:
        try:
            yield maker, first_of(maker.pid)
        finally:
            maker.kill()


def first_of(maker: int) -> int:
    """The first process of the namespace, once the program has begun."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        line = list(descent(maker))
        if "ringward" in line[-1]:
            return next(process for (_, above), (process, _) in pairwise(line) if above == "unshare")
    raise AssertionError("the program has not begun")


def descent(process: int) -> Iterator[tuple[int, str]]:
    """A process, its first child, the first child of that, and so on, with their names."""
    yield process, Path(f"/proc/{process}/comm").read_text().strip()
    if children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield from descent(int(children[0]))


def test_it_ends_while_it_still_loads() -> None:
    with first_process("serve") as (maker, first):
        send(signal.SIGTERM, first)
        _, errors = maker.communicate(timeout=PATIENCE_S)
    assert maker.returncode == 128 + signal.SIGTERM, errors
    assert "node started" not in errors


def test_it_ends_in_order_once_it_serves() -> None:
    with first_process("serve") as (maker, first):
        assert maker.stderr
        seen = next(line for line in maker.stderr if "node started" in line)
        send(signal.SIGTERM, first)
        _, errors = maker.communicate(timeout=PATIENCE_S)
    assert maker.returncode == 0, seen + errors


def send(which: signal.Signals, process: int) -> None:
    """As the engine does, from outside."""
    if os.geteuid() == 0:
        os.kill(process, which)
    else:
        subprocess.run(command_of_root("kill", f"-{which.value}", str(process)), check=True)
