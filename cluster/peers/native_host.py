"""The listener of the peer port, on the native transport."""

from __future__ import annotations

from collections.abc import Callable

import ringward_native as native
import structlog
from grpc import StatusCode

from cluster.peers.calls import Metadata, PeerMethod, Refused
from cluster.peers.duplex import Duplex
from cluster.peers.native_duplex import NativeDuplex
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from transport.loop import Method, NativeLoop, Taken

log = structlog.get_logger(__name__)

Encrypt = Callable[[Callable[[bytes, bytes, bytes | None], None]], None]
"""Gives a listener certificates, key and client CA, now and whenever they change."""


class NativePeerHost:
    """One listening gRPC server for peers alone, outside all limits for clients.

    listens_at: ``host:port`` to bind; port 0 picks a free one. encrypt: for an encrypted port. loop: which to share, if
    one.
    """

    def __init__(
        self,
        service: PeerService,
        settings: PeerSettings,
        *,
        listens_at: str,
        encrypt: Encrypt | None = None,
        loop: NativeLoop | None = None,
    ) -> None:
        self._service = service
        methods = [_method(method) for method in service.methods()]
        self._listening = (loop or NativeLoop()).listening(methods, settings.bounds)
        if encrypt is not None:
            encrypt(self._listening.use_tls)
        self._listens_at = listens_at
        self.port = 0

    def __repr__(self) -> str:
        return f"<NativePeerHost {self._listens_at} port {self.port}>"

    async def start(self) -> None:
        """Listen; ``port`` is known from then on. Raises Unavailable, naming the address, if that is not possible."""
        self.port = await self._listening.listen(self._listens_at)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls and no new asks, answer those that came before within ``grace_s``, then end the rest."""
        self._service.leave()
        await self._listening.close(grace_s)


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

    async def message(self) -> bytes:
        assert self._taken.message is not None, "a method that takes one message is not called without"
        return self._taken.message

    def frames(self) -> Duplex:
        assert self._taken.inbox, "a method that takes a stream has it"
        return NativeDuplex(self._taken.inbox, self._taken.outbox)
