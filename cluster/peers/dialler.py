"""Calls to peers: a channel of its own for each, the greeting, and what gRPC's errors mean."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
from google.protobuf.message import DecodeError

from cluster.invoker.answers import NoAnswer
from cluster.invoker.warm_up import KeptAnswer
from cluster.member import Member
from cluster.peers.card import Card, PeerRefused
from cluster.peers.greeting import Greeted, Greeter, texts_of
from cluster.peers.settings import PeerSettings
from cluster.peers.wire_cards import CARD, CONVERSE, WARM, card_from_proto
from cluster.peers.wire_warmth import kept_from_proto
from proto.dispatch.v1 import dispatch_pb2 as pb

Stream = grpc.aio.StreamStreamCall[bytes, bytes]


class Dialler:
    """Calls peers on behalf of one node.

    credentials: for an encrypted peer port, ready to use. server_name: what peers' certificates are made out to, if not
    to their addresses.
    """

    def __init__(
        self,
        greeter: Greeter,
        settings: PeerSettings,
        credentials: grpc.ChannelCredentials | None = None,
        server_name: str = "",
    ) -> None:
        self._greeter = greeter
        self._settings = settings
        self._credentials = credentials
        self._server_name = server_name

    def __repr__(self) -> str:
        return f"<Dialler of {self._greeter.address}>"

    @asynccontextmanager
    async def conversing(self, address: str) -> AsyncIterator[tuple[Stream, Greeted]]:
        """A stream to a peer that has been found to be one of ours. Raises PeerRefused, or NoAnswer saying why not."""
        nonce = secrets.token_hex(16)
        async with self._channel(address) as channel:
            call: Stream = channel.stream_stream(CONVERSE)(metadata=self._greeter.asking(nonce))
            try:
                async with self._in_time(address):
                    greeted = await self._greeted(address, call, nonce)
                yield call, greeted
            except grpc.aio.AioRpcError as error:
                raise failure_of(address, error) from error
            finally:
                call.cancel()

    async def card_of(self, address: str) -> Card:
        """Who answers at an address: a node of our cluster. Raises PeerRefused if it is none, NoAnswer if nobody does.

        Asks over a connection of its own, so the answer also says that connections can be made.
        """
        raw = await self.told(address, CARD, b"")
        try:
            return card_from_proto(pb.CardResponse.FromString(raw))
        except (DecodeError, ValueError) as error:
            raise NoAnswer(f"{address} has shown a card that cannot be read") from error

    async def told(self, address: str, rpc: str, request: bytes, *, thinking_s: float = 0.0) -> bytes:
        """What a peer answers to a single message, over a connection of its own. Raises as ``card_of``.

        thinking_s: how much longer than the greeting the answer may take.
        """
        nonce = secrets.token_hex(16)
        async with self._channel(address) as channel, self._in_time(address, thinking_s):
            method = channel.unary_unary(rpc, request_serializer=bytes, response_deserializer=bytes)
            call = method(request, metadata=self._greeter.asking(nonce))
            try:
                async with self._in_time(address):
                    await self._greeted(address, call, nonce)
                answer: bytes = await call
            except grpc.aio.AioRpcError as error:
                raise failure_of(address, error) from error
            return answer

    async def warmth_of(self, address: str, me: Member, most: int) -> AsyncGenerator[Sequence[KeptAnswer]]:
        """The hottest answers a peer has to what will be ours, part by part. Raises as ``card_of``; close it."""
        nonce = secrets.token_hex(16)
        wanted = pb.WarmRequest(address=me.address, zone=me.zone, weight=me.weight, most=most)
        async with self._channel(address) as channel:
            method = channel.unary_stream(WARM, request_serializer=bytes, response_deserializer=bytes)
            call = method(wanted.SerializeToString(), metadata=self._greeter.asking(nonce))
            try:
                async with self._in_time(address):
                    await self._greeted(address, call, nonce)
                async for raw in call:
                    yield [kept_from_proto(kept) for kept in pb.WarmAnswers.FromString(raw).answers]
            except grpc.aio.AioRpcError as error:
                raise failure_of(address, error) from error
            except (DecodeError, ValueError) as error:
                raise NoAnswer(f"{address} has sent answers that cannot be read") from error
            finally:
                call.cancel()

    async def _greeted(self, address: str, call: grpc.aio.Call, nonce: str) -> Greeted:
        received = texts_of(await call.initial_metadata())
        if not received and (code := await call.code()) is not grpc.StatusCode.OK:  # then it was turned away
            raise grpc.aio.AioRpcError(code, details=await call.details())
        try:
            return self._greeter.answered_by(received, nonce)
        except PeerRefused as refusal:
            raise PeerRefused(f"{address} is none of our peers: {refusal}") from refusal

    def _channel(self, address: str) -> grpc.aio.Channel:
        options = _options(self._settings, self._server_name)
        if self._credentials is None:
            return grpc.aio.insecure_channel(address, options)
        return grpc.aio.secure_channel(address, self._credentials, options)

    @asynccontextmanager
    async def _in_time(self, address: str, thinking_s: float = 0.0) -> AsyncIterator[None]:
        within_s = self._settings.connecting_s + thinking_s
        try:
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError:
            raise NoAnswer(f"{address} has not answered within {within_s:g} s") from None


def failure_of(address: str, error: grpc.aio.AioRpcError) -> NoAnswer:
    """What a call that failed says of the peer."""
    match error.code():
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.FAILED_PRECONDITION:
            return PeerRefused(f"{address} refuses us: {error.details()}")
        case grpc.StatusCode.UNIMPLEMENTED:
            return PeerRefused(f"{address} is not the peer port of a node")
        case code:
            return NoAnswer(f"{address} cannot be asked: {code.name}, {error.details()}")


_PING_MS = 10_000  # finds a connection that is gone without a word, though nobody asks
_PONG_MS = 5_000


def _options(settings: PeerSettings, server_name: str) -> list[tuple[str, int | str]]:
    named = [("grpc.ssl_target_name_override", server_name)] if server_name else []
    return [
        *named,
        ("grpc.use_local_subchannel_pool", 1),  # an attempt must not wait out the back-off of the one before
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.keepalive_time_ms", _PING_MS),
        ("grpc.keepalive_timeout_ms", _PONG_MS),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", settings.most_received_bytes),
        ("grpc.max_send_message_length", -1),
    ]
