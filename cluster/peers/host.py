"""The listener of the peer port, on grpc.aio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

import grpc

from cluster.peers.calls import Metadata, PeerMethod, Refused
from cluster.peers.duplex import Duplex, Pumped
from cluster.peers.greeting import texts_of
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from model.errors import Unavailable
from transport.grpcio import handlers_of, options_of


class PeerListener(Protocol):
    """A listener of the peer port."""

    port: int

    async def start(self) -> None:
        """Listen; ``port`` is known from then on. Raises Unavailable, naming the address, if that is not possible."""

    async def stop(self, grace_s: float) -> None:
        """Take no new calls and no new asks, answer those that came before within ``grace_s``, then end the rest."""


class PeerHost:
    """One listening gRPC server for peers alone, outside all limits for clients.

    listens_at: ``host:port`` to bind; port 0 picks a free one. credentials: for encryption, ready to use.
    """

    def __init__(
        self,
        service: PeerService,
        settings: PeerSettings,
        *,
        listens_at: str,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._service = service
        self._server = grpc.aio.server(options=options_of(settings.bounds, least_ping_pause_s=_LEAST_PING_PAUSE_S))
        self._server.add_generic_rpc_handlers(
            handlers_of({method.name: _handler(method) for method in service.methods()})
        )
        self._listens_at = listens_at
        self._credentials = credentials
        self.port = 0

    def __repr__(self) -> str:
        return f"<PeerHost {self._listens_at} port {self.port}>"

    async def start(self) -> None:
        """Listen; ``port`` is known from then on. Raises Unavailable, naming the address, if that is not possible."""
        try:
            self.port = self._listen()
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {self._listens_at}: the port is in use or not allowed") from error
        await self._server.start()

    def _listen(self) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(self._listens_at)
        return self._server.add_secure_port(self._listens_at, self._credentials)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls and no new asks, answer those that came before within ``grace_s``, then end the rest."""
        self._service.leave()
        await self._server.stop(grace_s)


_LEAST_PING_PAUSE_S = 5.0  # peers ping each ten seconds, and would be cut off by the default


# The stubs know only the blocking forms of handlers, hence Any.
def _handler(method: PeerMethod) -> Any:
    async def serve(requests: Any, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        try:
            await method.serve(_GrpcCall(requests, context))
        except Refused as refused:
            await context.abort(refused.code, refused.text)

    # What answers with one message streams it like those that answer with several: a caller cannot tell them apart.
    if method.is_stream:
        return grpc.stream_stream_rpc_method_handler(serve)
    return grpc.unary_stream_rpc_method_handler(serve)


class _GrpcCall:
    """A call as grpc.aio has it. received: its message, or its messages."""

    def __init__(self, received: bytes | AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        self._received = received
        self._context = context
        self.metadata = texts_of(context.invocation_metadata() or ())

    @property
    def came_from(self) -> str:
        return self._context.peer()

    async def open(self, metadata: Metadata) -> None:
        await self._context.send_initial_metadata(tuple(metadata))

    async def write(self, message: bytes) -> None:
        await self._context.write(message)

    async def message(self) -> bytes:
        assert isinstance(self._received, bytes), "a method that takes one message has it"
        return self._received

    def frames(self) -> Duplex:
        return Pumped(self._next, self._context.write)

    async def _next(self) -> bytes | None:
        assert not isinstance(self._received, bytes), "a method that takes a stream has it"
        return await anext(self._received, None)
