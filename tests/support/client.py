"""A client of a node, as any user of the contract would write one: a channel, method names, messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from api.convert import attribute_to_proto, tuple_to_proto
from model.attributes import Attribute
from model.tuples import RelationTuple
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb

M = TypeVar("M", bound=Message)

TENANT = "t1"
DEPTH = 20


class Client:
    """Calls over a channel; refusals are grpc.aio.AioRpcError. authorization: sent with every call, if given."""

    def __init__(self, channel: grpc.aio.Channel, *, authorization: str | None = None, timeout_s: float = 20.0) -> None:
        self._channel = channel
        self._metadata = (("authorization", authorization),) if authorization is not None else ()
        self._timeout_s = timeout_s

    def within(self, timeout_s: float) -> Client:
        """The same client, whose calls have so long."""
        hurried = copy(self)
        hurried._timeout_s = timeout_s
        return hurried

    async def call(self, method: str, request: Message, *, timeout_s: float | None = None) -> Any:
        """The response of a method written ``Service.Method``."""
        service, name = method.split(".")
        output = pb.DESCRIPTOR.services_by_name[service].methods_by_name[name].output_type
        call = self._channel.unary_unary(
            f"/base.v1.{service}/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(output).FromString,
        )
        return await call(request, timeout=timeout_s or self._timeout_s, metadata=self._metadata)

    async def raw(self, method: str, body: bytes) -> bytes:
        """The bytes a method answers to any bytes."""
        call = self._channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        return bytes(await call(body, metadata=self._metadata))

    async def write_schema(self, text: str, tenant: str = TENANT) -> str:
        response = await self.call("Schema.Write", pb.SchemaWriteRequest(tenant_id=tenant, schema=text))
        return str(response.schema_version)

    async def write(self, *rows: str, attributes: Iterable[str] = (), tenant: str = TENANT) -> str:
        """Write tuples and attributes given as text; the snap token."""
        request = pb.DataWriteRequest(
            tenant_id=tenant,
            metadata=pb.DataWriteRequestMetadata(),
            tuples=[tuple_message(row) for row in rows],
            attributes=[attribute_to_proto(Attribute.parse(text)) for text in attributes],
        )
        return str((await self.call("Data.Write", request)).snap_token)

    async def can(self, question: str, **options: Any) -> bool:
        """Whether ``doc:1#view@user:2`` is allowed."""
        response = await self.call("Permission.Check", check_request(question, **options))
        return bool(response.can == base.CHECK_RESULT_ALLOWED)


def tuple_message(text: str) -> base.Tuple:
    """The message of a tuple given as text."""
    return tuple_to_proto(RelationTuple.parse(text))


def check_request(
    question: str,
    *,
    depth: int = DEPTH,
    snap_token: str = "",
    schema_version: str = "",
    tenant: str = TENANT,
    context: base.Context | None = None,
) -> pb.PermissionCheckRequest:
    """The request that asks ``doc:1#view@user:2``."""
    row = tuple_message(question)
    return pb.PermissionCheckRequest(
        tenant_id=tenant,
        metadata=pb.PermissionCheckRequestMetadata(depth=depth, snap_token=snap_token, schema_version=schema_version),
        entity=row.entity,
        permission=row.relation,
        subject=row.subject,
        context=context,
    )


def context(*rows: str, attributes: Iterable[str] = (), data: Mapping[str, Any] | None = None) -> base.Context:
    """A context given as text."""
    message = base.Context(
        tuples=[tuple_message(row) for row in rows],
        attributes=[attribute_to_proto(Attribute.parse(text)) for text in attributes],
    )
    message.data.update(dict(data or {}))
    return message


def explanation(error: grpc.aio.AioRpcError) -> str:
    """The explanation that travels beside the message of a refusal."""
    metadata: Any = error.trailing_metadata()
    status = Status.FromString(dict(metadata)["grpc-status-details-bin"])
    info = ErrorInfo()
    status.details[0].Unpack(info)
    return str(info.metadata["explanation"])
