"""What people may ask of a node, and have it do, over its peer port: ``ringward cluster`` asks, any node answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from google.protobuf.message import DecodeError

from cluster.invoker.answers import NoAnswer
from cluster.peers.description import Description, Ownership, Silence
from cluster.peers.dialler import Dialler
from cluster.peers.wire_asks import question_to_proto
from cluster.peers.wire_cards import DESCRIBE, DRAIN, OWNER
from cluster.peers.wire_errors import error_from_proto
from cluster.peers.wire_oversight import descriptions_from_proto, ownership_from_proto
from model.check import Question
from proto.dispatch.v1 import dispatch_pb2 as pb

_THINKING_S = 10.0  # a node that asks others waits for each of them no longer than a card may take


class Oversight(Protocol):
    """A node, as people look at it."""

    async def describe(self, *, with_others: bool) -> Sequence[Description | Silence]:
        """First this node; then, if wanted, the others it sees, in order of address, asked side by side."""

    async def owners(self, tenant: str, schema_version: str, question: Question) -> Ownership:
        """Who owns a question; under the latest version, if none is given. Raises AuthzError as ``Pins.pin``."""

    async def drain(self, address: str) -> None:
        """Have a node leave and end, this one if the address is empty. Raises NotFound for no member, Unavailable."""


class DistantOversight:
    """Fulfils ``Oversight`` by asking a node at an address. Beside what the port says, all of it raises NoAnswer."""

    def __init__(self, dialler: Dialler, address: str) -> None:
        self._dialler = dialler
        self._address = address

    def __repr__(self) -> str:
        return f"<DistantOversight at {self._address}>"

    async def describe(self, *, with_others: bool) -> Sequence[Description | Silence]:
        """As the port promises."""
        request = pb.DescribeRequest(with_others=with_others)
        raw = await self._told(DESCRIBE, request.SerializeToString(), thinking_s=_THINKING_S if with_others else 0.0)
        try:
            return descriptions_from_proto(pb.DescribeResponse.FromString(raw))
        except (DecodeError, ValueError) as error:
            raise NoAnswer(f"{self._address} describes itself in a way that cannot be read: {error}") from error

    async def owners(self, tenant: str, schema_version: str, question: Question) -> Ownership:
        """As the port promises."""
        request = pb.OwnerRequest(tenant=tenant, schema_version=schema_version, question=question_to_proto(question))
        response = pb.OwnerResponse.FromString(
            await self._told(OWNER, request.SerializeToString(), thinking_s=_THINKING_S)
        )
        if response.HasField("error"):
            raise error_from_proto(response.error)
        return ownership_from_proto(response)

    async def drain(self, address: str) -> None:
        """As the port promises."""
        request = pb.DrainRequest(address=address)
        response = pb.DrainResponse.FromString(
            await self._told(DRAIN, request.SerializeToString(), thinking_s=_THINKING_S)
        )
        if response.HasField("error"):
            raise error_from_proto(response.error)

    async def _told(self, rpc: str, request: bytes, *, thinking_s: float) -> bytes:
        return await self._dialler.told(self._address, rpc, request, thinking_s=thinking_s)
