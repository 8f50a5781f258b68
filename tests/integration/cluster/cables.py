"""What lies between the nodes of a cluster: each is reached through a proxy that can swallow what certain others send.

Nothing is closed then, and new connections are taken: as on a network that drops packets. What was sent meanwhile
arrives once it flows again, as TCP would send it anew.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread


class Cables:
    """The proxies of all nodes, in a thread of their own. pids: of the nodes that run now, by name.

    A connection is told by the process that opened it, so it must be on this machine, and Linux.
    """

    def __init__(self, pids: Callable[[], dict[str, int]]) -> None:
        self._pids = pids
        self._loop = asyncio.new_event_loop()
        self._cut: frozenset[tuple[str, str]] = frozenset()
        self._changed = asyncio.Event()
        self._servers: list[asyncio.Server] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Nothing flows outside of this context."""
        thread = Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def lay(self, name: str, port: int) -> int:
        """The port at which others reach a node that listens at another one."""
        start = asyncio.start_server(partial(self._connected, name, port), "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def separate(self, *sides: Collection[str]) -> None:
        """From now on nothing flows between nodes of different sides, and all that does between others."""
        ends = [(one, other) for one in sides for other in sides if one is not other]
        cut = frozenset((here, there) for one, other in ends for here in one for there in other)
        asyncio.run_coroutine_threadsafe(self._set(cut), self._loop).result(10)

    def mend(self) -> None:
        """From now on everything flows, which it does at the beginning."""
        self.separate()

    async def _set(self, cut: frozenset[tuple[str, str]]) -> None:
        self._cut = cut
        self._changed.set()
        self._changed = asyncio.Event()

    async def _connected(
        self, name: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        way = (self._opener_of(writer.get_extra_info("peername")[1]), name)
        there_writer = None
        try:
            await self._flows(way)
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(way, reader, there_writer))
                group.create_task(self._pass_on(way, there_reader, writer))
        except (OSError, asyncio.CancelledError):  # there, a node that does not run; or the end of the test
            pass
        finally:
            for end in (writer, there_writer):
                if end is not None:
                    end.transport.abort()

    async def _pass_on(self, way: tuple[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                await self._flows(way)
                writer.write(chunk)
                await writer.drain()
        await self._flows(way)
        writer.close()

    async def _flows(self, way: tuple[str, str]) -> None:
        while way in self._cut:
            await self._changed.wait()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _opener_of(self, port: int) -> str:
        """The node that has opened a connection from a port; empty if none of them has."""
        inode = _inode_of(port)
        return next((name for name, pid in self._pids().items() if inode in _sockets_of(pid)), "")


def _inode_of(port: int) -> str:
    place = f":{port:04X}"
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(place):
                return fields[9]
    return ""


def _sockets_of(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found = set()
    with suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
    return found
