"""Lines to peers by the native transport; see ``lines.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import grpc
import ringward_native as native

from cluster.invoker.answers import NoAnswer
from cluster.peers.calls import Metadata
from cluster.peers.duplex import Hears
from cluster.peers.lines import Line, failure_of
from cluster.peers.native_duplex import NativeDuplex
from cluster.peers.settings import PeerSettings
from transport.loop import Made, NativeLoop

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class NativeLines:
    """Opens lines while ``running``. tls: for encrypted peer ports, ready to use. loop: which to share, if one."""

    def __init__(
        self, settings: PeerSettings, tls: native.CallerTls | None = None, loop: NativeLoop | None = None
    ) -> None:
        self._bounds = settings.bounds
        self._tls = tls
        self._loop = loop or NativeLoop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Lines can be opened while the context lasts."""
        self._loop.use()
        try:
            yield
        finally:
            await self._loop.leave()

    @asynccontextmanager
    async def open(self, address: str, rpc: str, metadata: Metadata) -> AsyncIterator[Line]:
        """See Lines."""
        try:
            channel = self._loop.channel(address, self._bounds, self._tls)
            made = self._loop.call(channel, rpc, metadata)
        except ValueError as error:
            raise NoAnswer(f"{address} cannot be asked: {error}") from error
        try:
            yield _NativeLine(address, made)
        finally:
            made.native.give_up()


class _NativeLine(NativeDuplex):
    def __init__(self, address: str, made: Made) -> None:
        super().__init__(made.inbox, made.outbox)
        self._address = address
        self._made = made

    async def opened(self) -> Mapping[str, str]:
        await asyncio.wait((self._made.opened,))
        if self._made.opened.cancelled():
            raise self._failure()
        return self._made.opened.result()

    async def carry(self, hears: Hears, has_room: Callable[[], None]) -> None:
        await super().carry(hears, has_room)
        if self._made.ended.result()[0]:
            raise self._failure()

    def _failure(self) -> NoAnswer:
        code, text = self._made.ended.result()
        return failure_of(self._address, _CODES.get(code, grpc.StatusCode.UNKNOWN), text)
