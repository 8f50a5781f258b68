"""The contract's services as endpoints: a method name, its messages, and the handler that answers.

Made from the descriptors, so that what is served is what the contract says. Every transport goes through
``Endpoint.answer``, which validates before it calls.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from api.rpc.bundle import BundleService
from api.rpc.data import DataService
from api.rpc.permission import PermissionService
from api.rpc.schema import SchemaService
from api.rpc.tenancy import TenancyService
from api.validation import check_fields
from model.errors import InvalidRequest
from proto.base.v1 import service_pb2

ServiceHandlers = PermissionService | SchemaService | DataService | BundleService | TenancyService


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One RPC. ``method`` is its full gRPC name, ``/base.v1.Permission/Check``."""

    method: str
    request_type: type[Message]
    handler: Callable[[Message], Awaitable[Message]]

    def parse(self, raw: bytes) -> Message:
        """The request in its wire form. Raises InvalidRequest if the bytes are not one."""
        try:
            return self.request_type.FromString(raw)
        except DecodeError as error:
            name = self.request_type.DESCRIPTOR.full_name
            raise InvalidRequest(f"the body is not a {name} message") from error

    async def answer(self, request: Message) -> Message:
        """Validate, then answer. Raises AuthzError, and nothing else but bugs and cancellation."""
        check_fields(request)
        return await self.handler(request)


@dataclass(frozen=True, slots=True)
class Services:
    """Every endpoint that is served, by method name."""

    endpoints: Mapping[str, Endpoint]

    @classmethod
    def of(cls, handlers: Mapping[str, ServiceHandlers]) -> Services:
        """The endpoints of some services, given by service name; an RPC without a handler is not served."""
        return cls({endpoint.method: endpoint for name, service in handlers.items() for endpoint in _of(name, service)})

    @property
    def names(self) -> tuple[str, ...]:
        """The full names of the services, in order, without repetition."""
        return tuple(dict.fromkeys(method.split("/")[1] for method in self.endpoints))

    async def answer(self, method: str, request: Message) -> Message:
        """Answer one request inside this process, as a transport would. Errors as in ``Endpoint.answer``."""
        return await self.endpoints[method].answer(request)


def _of(service_name: str, handlers: ServiceHandlers) -> Iterator[Endpoint]:
    service = service_pb2.DESCRIPTOR.services_by_name[service_name]
    for method in service.methods:
        handler = getattr(handlers, _handler_name(method), None)
        if handler is not None:
            name = f"/{service.full_name}/{method.name}"
            yield Endpoint(name, GetMessageClass(method.input_type), handler)


def _handler_name(method: MethodDescriptor) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
