"""A serf agent that this node starts and stops.

What it is told goes through a pipe, so that its keys stand neither on a command line nor on a disk. It never outlives
the node: at the end it is asked to leave the others, and killed if that takes too long; should the node itself be
killed, the kernel asks it in our place (``leash.py``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import structlog

from cluster.membership import leash
from model.errors import Misconfigured

log = structlog.get_logger(__name__)

_LEAVING_S = 5.0  # serf gives itself 3
_DYING_S = 1.0
_LINES_KEPT = 3
_LONGEST_LINE_BYTES = 8192
_LOG_LINE = re.compile(r"\S+ \S+ \[(?P<level>[A-Z]+)\] (?P<text>.*)")
_LEVELS: Mapping[str, int] = {"WARN": logging.WARNING, "ERR": logging.ERROR}  # the rest is of use to few: debug


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How an agent is started.

    binary: the program. bind: host:port it gossips at; advertise: where others reach that, empty for the same. rpc:
    host:port we talk to it at, protected by auth if that is not empty. encrypt: the key of the gossip, of 16, 24 or 32
    bytes in base64, the same for all; empty for none. snapshot: a file it remembers the others in, empty for none.
    profile: lan, wan or local, how patient the gossip is.
    """

    binary: str
    bind: str
    rpc: str
    advertise: str = ""
    auth: str = field(default="", repr=False)
    encrypt: str = field(default="", repr=False)
    snapshot: str = ""
    profile: str = "lan"


class Agent(asyncio.SubprocessProtocol):
    """The process of an agent, driven by callbacks; its lines go to our log."""

    def __init__(self) -> None:
        self._gone = asyncio.Event()
        self._rest = b""
        self._last_lines: list[str] = []

    def __repr__(self) -> str:
        return f"<Agent {'gone' if self.is_gone else 'running'}>"

    @property
    def is_gone(self) -> bool:
        """True once it has ended and all it said has been read."""
        return self._gone.is_set()

    @property
    def last_words(self) -> str:
        """The last lines of its log."""
        return " | ".join(self._last_lines)

    async def wait_gone(self, within_s: float) -> None:
        """Wait until it has, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._gone.wait()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - both streams are the same to us
        """As asyncio calls it, with some bytes of its log."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_LONGEST_LINE_BYTES:]
        for line in lines:
            self._tell(line.decode(errors="replace").strip())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is gone, whatever the reason
        """As asyncio calls it after all else."""
        self._tell(self._rest.decode(errors="replace").strip())
        self._gone.set()

    def _tell(self, line: str) -> None:
        if not line:
            return
        self._last_lines = [*self._last_lines, line][-_LINES_KEPT:]
        match = _LOG_LINE.fullmatch(line)
        if match is None:
            log.debug("serf agent", says=line)
        else:
            log.log(_LEVELS.get(match["level"], logging.DEBUG), "serf agent", says=match["text"])


@asynccontextmanager
async def running_agent(settings: AgentSettings, name: str) -> AsyncIterator[Agent]:
    """An agent of that name among the others, while the context lasts; it has been started, but may not be up yet.

    Raises Misconfigured if there is no such program.
    """
    program = shutil.which(settings.binary)
    if program is None:
        raise Misconfigured(f"no program {settings.binary!r} to start a serf agent with: install serf, or give binary=")
    with _piped(json.dumps(_configuration(settings, name)).encode()) as configuration:
        transport, agent = await asyncio.get_running_loop().subprocess_exec(
            Agent,
            *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid())),
            *(program, "agent", "-config-file=/dev/stdin"),
            stdin=configuration,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # an interrupt from the terminal is for us: we tell it when to leave
        )
    try:
        yield agent
    finally:
        await _stop(transport, agent)


def _configuration(settings: AgentSettings, name: str) -> Mapping[str, object]:
    return {
        "node_name": name,
        "bind": settings.bind,
        "advertise": settings.advertise,
        "rpc_addr": settings.rpc,
        "rpc_auth": settings.auth,
        "encrypt_key": settings.encrypt,
        "snapshot_path": settings.snapshot,
        "rejoin_after_leave": bool(settings.snapshot),
        "profile": settings.profile,
    }


@contextmanager
def _piped(content: bytes) -> Iterator[int]:
    """The end of a pipe the content can be read from, which is less than a pipe holds (64 kB)."""
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


async def _stop(transport: asyncio.SubprocessTransport, agent: Agent) -> None:
    """Have it leave the others and end. Cancelled meanwhile, it is killed at once."""
    try:
        with suppress(ProcessLookupError):
            transport.send_signal(signal.SIGINT)
        await agent.wait_gone(_LEAVING_S)
    finally:
        with suppress(ProcessLookupError):
            transport.kill()
        await agent.wait_gone(_DYING_S)
        transport.close()
