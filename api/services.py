"""The contract's services as endpoints: a method name, its messages, and the handler that answers.

Made from the descriptors, so that what is served is what the contract says. Every transport goes through
``UnaryEndpoint.answer`` or ``StreamEndpoint.answers``, or gives them bytes; all validate before they call.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from api.described import describe
from api.reading import Reading
from api.rpc.bundle import BundleService
from api.rpc.data import DataService
from api.rpc.permission import PermissionService
from api.rpc.schema import SchemaService
from api.rpc.tenancy import TenancyService
from api.rpc.watch import WatchService
from api.streams import Established, Outlet, Responses, pour
from api.validation import check_fields
from model.errors import InvalidRequest
from proto.base.v1 import service_pb2
from telemetry.spans import current_span

ServiceHandlers = PermissionService | SchemaService | DataService | BundleService | TenancyService | WatchService


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC of the contract. ``name`` is its full gRPC name, ``/base.v1.Permission/Check``."""

    name: str
    descriptor: MethodDescriptor
    request_type: type[Message]

    @classmethod
    def of(cls, method: MethodDescriptor) -> Rpc:
        """The RPC a descriptor describes."""
        return cls(f"/{method.containing_service.full_name}/{method.name}", method, GetMessageClass(method.input_type))

    def parse(self, raw: bytes) -> Message:
        """The request in its wire form. Raises InvalidRequest if the bytes are not one."""
        try:
            return self.request_type.FromString(raw)
        except DecodeError as error:
            name = self.request_type.DESCRIPTOR.full_name
            raise InvalidRequest(f"the body is not a {name} message") from error


class UnaryEndpoint:
    """An RPC with one response. handler: takes the message, or what it says it takes (``api.reading``)."""

    def __init__(self, rpc: Rpc, handler: Callable[[Any], Awaitable[Message]]) -> None:
        self.rpc = rpc
        self._handler = handler
        self._reading = Reading(rpc.parse, handler)

    async def answer(self, request: Message) -> Message:
        """Validate, then answer. Raises AuthzError, and nothing else but bugs and cancellation."""
        taken = self._reading.of_message(request)
        if (span := current_span()) is not None:
            describe(span, taken)
        return await self._handler(taken)

    async def answer_bytes(self, raw: bytes) -> Message:
        """The same for a request in its wire form."""
        taken = self._reading.of_bytes(raw)
        if (span := current_span()) is not None:
            describe(span, taken)
        return await self._handler(taken)


@dataclass(frozen=True, slots=True)
class StreamEndpoint:
    """An RPC with a stream of responses; the handler is an asynchronous generator, as ``api.streams`` describes."""

    rpc: Rpc
    handler: Callable[[Message], Responses]

    async def answers(self, request: Message) -> AsyncGenerator[Message]:
        """Validate, then answer. Raises as ``UnaryEndpoint.answer``, before the first response or after some.

        Whoever leaves early closes the iterator (``aclosing``), and with it everything it holds.
        """
        check_fields(request)
        async with aclosing(self._handled(request)) as responses:
            async for response in responses:
                if not isinstance(response, Established):
                    yield response

    async def pour(self, request: Message, outlet: Outlet) -> None:
        """Validate, then send all responses. Raises as ``answers`` and ``streams.pour``."""
        check_fields(request)
        async with aclosing(self._handled(request)) as responses:
            await pour(responses, outlet)

    def _handled(self, request: Message) -> Responses:
        if (span := current_span()) is not None:
            describe(span, request)
        return self.handler(request)


Endpoint = UnaryEndpoint | StreamEndpoint


@dataclass(frozen=True, slots=True)
class Services:
    """Every endpoint that is served, by the full name of its RPC."""

    endpoints: Mapping[str, Endpoint]

    @classmethod
    def of(cls, handlers: Mapping[str, ServiceHandlers]) -> Services:
        """The endpoints of some services, given by service name; an RPC without a handler is not served."""
        described = service_pb2.DESCRIPTOR.services_by_name
        found = (found for name, service in handlers.items() for found in endpoints_of(described[name], service))
        return cls({endpoint.rpc.name: endpoint for endpoint in found})

    @property
    def names(self) -> tuple[str, ...]:
        """The full names of the services, in order, without repetition."""
        return tuple(dict.fromkeys(name.split("/")[1] for name in self.endpoints))

    async def answer(self, name: str, request: Message) -> Message:
        """Answer one request of a unary RPC inside this process, as a transport would."""
        endpoint = self.endpoints[name]
        assert isinstance(endpoint, UnaryEndpoint), f"{name} streams"
        return await endpoint.answer(request)


def endpoints_of(service: ServiceDescriptor, handlers: object) -> Iterator[Endpoint]:
    """The endpoints of one service: each RPC is answered by the method that is named like it."""
    for method in service.methods:
        handler = getattr(handlers, _handler_name(method), None)
        if handler is not None:
            yield (StreamEndpoint if method.server_streaming else UnaryEndpoint)(Rpc.of(method), handler)


def _handler_name(method: MethodDescriptor) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
