"""The listener of the peer port, on the native transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import ringward_native as native
import structlog
from grpc import StatusCode

from cluster.peers.calls import Metadata, PeerMethod, Refused
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from transport.loop import Method, NativeLoop, Taken

log = structlog.get_logger(__name__)

Encrypt = Callable[[Callable[[bytes, bytes, bytes | None], None]], None]
"""Gives a listener certificates, key and client CA, now and whenever they change."""


class NativePeerHost:
    """One listening gRPC server for peers alone, outside all limits for clients.

    listens_at: ``host:port`` to bind; port 0 picks a free one. encrypt: for an encrypted port.
    """

    def __init__(
        self, service: PeerService, settings: PeerSettings, *, listens_at: str, encrypt: Encrypt | None = None
    ) -> None:
        self._service = service
        self._loop = NativeLoop([_method(method) for method in service.methods()], settings.bounds)
        if encrypt is not None:
            encrypt(self._loop.use_tls)
        self._listens_at = listens_at
        self.port = 0

    def __repr__(self) -> str:
        return f"<NativePeerHost {self._listens_at} port {self.port}>"

    async def start(self) -> None:
        """Listen; ``port`` is known from then on. Raises Unavailable, naming the address, if that is not possible."""
        self.port = await self._loop.listen(self._listens_at)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls and no new asks, answer those that came before within ``grace_s``, then end the rest."""
        self._service.leave()
        await self._loop.close(grace_s)


def _method(method: PeerMethod) -> Method:
    async def serve(taken: Taken) -> None:
        try:
            await method.serve(_NativeCall(taken))
        except Refused as refused:
            taken.native.fail(refused.code.value[0], refused.text, b"")
        except Exception as error:  # the edge: a peer must not see a traceback
            log.exception("a call of a peer failed", method=method.name, exc_info=error)
            taken.native.fail(StatusCode.INTERNAL.value[0], "internal error", b"")
        else:
            taken.native.finish()

    return Method(method.name, serve, native.STREAM if method.is_stream else native.ONE)


class _NativeCall:
    """A call as the native transport has it."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self.metadata = dict(taken.native.metadata())

    @property
    def came_from(self) -> str:
        return self._taken.native.peer

    async def open(self, metadata: Metadata) -> None:
        self._taken.native.open(metadata)

    async def write(self, message: bytes) -> None:
        await self._taken.outbox.send(message)

    async def messages(self) -> AsyncIterator[bytes]:
        if self._taken.message is not None:
            yield self._taken.message
        while self._taken.inbox and (message := await self._taken.inbox.next()) is not None:
            yield message
