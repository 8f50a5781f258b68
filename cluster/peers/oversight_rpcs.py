"""Oversight, served: bytes to a call of the port, and what it gives or raises to bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from cluster.peers.oversight import Oversight
from cluster.peers.wire_asks import question_from_proto
from cluster.peers.wire_cards import DESCRIBE, DRAIN, OWNER
from cluster.peers.wire_errors import error_to_proto
from cluster.peers.wire_oversight import descriptions_to_proto, ownership_to_proto
from model.errors import AuthzError
from proto.dispatch.v1 import dispatch_pb2 as pb


def oversight_rpcs(oversight: Oversight) -> Mapping[str, Callable[[bytes], Awaitable[bytes]]]:
    """What answers each call, by its name; whoever calls has been greeted before."""

    async def describe(raw: bytes) -> bytes:
        request = pb.DescribeRequest.FromString(raw)
        found = await oversight.describe(with_others=request.with_others)
        return descriptions_to_proto(found).SerializeToString()

    async def owner(raw: bytes) -> bytes:
        request = pb.OwnerRequest.FromString(raw)
        question = question_from_proto(request.question)
        try:
            found = await oversight.owners(request.tenant, request.schema_version, question)
        except AuthzError as error:
            return pb.OwnerResponse(error=error_to_proto(error)).SerializeToString()
        return ownership_to_proto(found).SerializeToString()

    async def drain(raw: bytes) -> bytes:
        try:
            await oversight.drain(pb.DrainRequest.FromString(raw).address)
        except AuthzError as error:
            return pb.DrainResponse(error=error_to_proto(error)).SerializeToString()
        return pb.DrainResponse().SerializeToString()

    return {DESCRIBE: describe, OWNER: owner, DRAIN: drain}
