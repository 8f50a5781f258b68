"""The one thing that validation and quickstart need of a server: an answer to a request."""

from __future__ import annotations

from typing import Protocol

import grpc.aio
from google.protobuf import message_factory
from google.protobuf.message import Message

from api.services import Services
from model.errors import AuthzError, InvalidRequest, Unavailable
from proto.base.v1 import service_pb2

CHECK = "/base.v1.Permission/Check"
LOOKUP_ENTITY = "/base.v1.Permission/LookupEntity"
LOOKUP_SUBJECT = "/base.v1.Permission/LookupSubject"
WRITE_SCHEMA = "/base.v1.Schema/Write"
WRITE_DATA = "/base.v1.Data/Write"

_TIMEOUT_S = 30.0


class Answers(Protocol):
    """A server, behind a socket or in this process."""

    async def answer(self, method: str, request: Message) -> Message:
        """The response of a method named ``/base.v1.Service/Method``.

        Raises NotImplementedError for a method the server does not have, else AuthzError.
        """
        ...


class LocalAnswers:
    """Services in this process, without any transport."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, method: str, request: Message) -> Message:
        """As the port promises."""
        if method not in self._services.endpoints:
            raise NotImplementedError(method)
        return await self._services.answer(method, request)


class GrpcAnswers:
    """A server behind a gRPC channel, which the caller opens and closes."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def answer(self, method: str, request: Message) -> Message:
        """As the port promises; a refusal by the server is an InvalidRequest with its text."""
        call = self._channel.unary_unary(
            method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=_response_type(method).FromString,
        )
        try:
            response: Message = await call(request, timeout=_TIMEOUT_S, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            raise _error_of(error, method) from error
        return response


def _response_type(method: str) -> type[Message]:
    _, service, name = method.split("/")
    descriptor = service_pb2.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods_by_name[name]
    return message_factory.GetMessageClass(descriptor.output_type)


def _error_of(error: grpc.aio.AioRpcError, method: str) -> AuthzError | NotImplementedError:
    text = error.details() or error.code().name
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return NotImplementedError(method)
    kind = Unavailable if error.code() is grpc.StatusCode.UNAVAILABLE else InvalidRequest
    return kind(f"{method}: {text}")
