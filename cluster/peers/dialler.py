"""Calls to peers: a connection of its own for each, and the greeting."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import grpc
from google.protobuf.message import DecodeError

from cluster.invoker.answers import NoAnswer
from cluster.invoker.warm_up import KeptAnswer
from cluster.member import Member
from cluster.peers.card import Card, PeerRefused
from cluster.peers.channels import Channels
from cluster.peers.greeting import Greeted, Greeter
from cluster.peers.lines import GrpcLines, Line, Lines, failure_of, opening_of
from cluster.peers.settings import PeerSettings
from cluster.peers.wire_cards import CARD, CONVERSE, WARM, card_from_proto
from cluster.peers.wire_warmth import kept_from_proto
from proto.dispatch.v1 import dispatch_pb2 as pb


class Dialler:
    """Calls peers on behalf of one node. lines: for conversations; channels: for all else."""

    def __init__(
        self, greeter: Greeter, settings: PeerSettings, channels: Channels | None = None, lines: Lines | None = None
    ) -> None:
        self._greeter = greeter
        self._settings = settings
        self._channels = channels or Channels(settings)
        self._lines = lines or GrpcLines(self._channels)

    def __repr__(self) -> str:
        return f"<Dialler of {self._greeter.address}>"

    @asynccontextmanager
    async def conversing(self, address: str) -> AsyncIterator[tuple[Line, Greeted]]:
        """A line to a peer that has been found to be one of ours. Raises PeerRefused, or NoAnswer saying why not."""
        nonce = secrets.token_hex(16)
        async with self._lines.open(address, CONVERSE, self._greeter.asking(nonce)) as line:
            async with self._in_time(address):
                greeted = self._greeted(address, await line.opened(), nonce)
            yield line, greeted

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
        async with self._channels.to(address) as channel, self._in_time(address, thinking_s):
            method = channel.unary_unary(rpc, request_serializer=bytes, response_deserializer=bytes)
            call = method(request, metadata=self._greeter.asking(nonce))
            try:
                async with self._in_time(address):
                    self._greeted(address, await opening_of(address, call), nonce)
                answer: bytes = await call
            except grpc.aio.AioRpcError as error:
                raise failure_of(address, error.code(), error.details()) from error
            return answer

    async def warmth_of(self, address: str, me: Member, most: int) -> AsyncGenerator[Sequence[KeptAnswer]]:
        """The hottest answers a peer has to what will be ours, part by part. Raises as ``card_of``; close it."""
        nonce = secrets.token_hex(16)
        wanted = pb.WarmRequest(address=me.address, zone=me.zone, weight=me.weight, most=most)
        async with self._channels.to(address) as channel:
            method = channel.unary_stream(WARM, request_serializer=bytes, response_deserializer=bytes)
            call = method(wanted.SerializeToString(), metadata=self._greeter.asking(nonce))
            try:
                async with self._in_time(address):
                    self._greeted(address, await opening_of(address, call), nonce)
                async for raw in call:
                    yield [kept_from_proto(kept) for kept in pb.WarmAnswers.FromString(raw).answers]
            except grpc.aio.AioRpcError as error:
                raise failure_of(address, error.code(), error.details()) from error
            except (DecodeError, ValueError) as error:
                raise NoAnswer(f"{address} has sent answers that cannot be read") from error
            finally:
                call.cancel()

    def _greeted(self, address: str, received: Mapping[str, str], nonce: str) -> Greeted:
        try:
            return self._greeter.answered_by(received, nonce)
        except PeerRefused as refusal:
            raise PeerRefused(f"{address} is none of our peers: {refusal}") from refusal

    @asynccontextmanager
    async def _in_time(self, address: str, thinking_s: float = 0.0) -> AsyncIterator[None]:
        within_s = self._settings.connecting_s + thinking_s
        try:
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError:
            raise NoAnswer(f"{address} has not answered within {within_s:g} s") from None
