"""The edge: an RPC called over HTTP. Whatever happens becomes a response, and nothing outlives it."""

from __future__ import annotations

from google.protobuf.message import Message
from grpc import StatusCode
from starlette.types import Receive, Scope, Send

from api.errors import code_of
from api.observation import EdgeTransport, Observation
from api.rest.bindings import Binding
from api.rest.door import Door, aside
from api.rest.exchange import ClientLeft, Exchange
from api.rest.json_form import to_json
from api.rest.refusal import Refusal
from api.services import StreamEndpoint, UnaryEndpoint


class UnaryCall:
    """An RPC with one response, as an ASGI application."""

    def __init__(self, endpoint: UnaryEndpoint, binding: Binding, door: Door, observation: Observation) -> None:
        self._endpoint = endpoint
        self._binding = binding
        self._door = door
        self._observed = observation.of(EdgeTransport.HTTP, endpoint.rpc.name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        with self._observed(exchange) as sighting:
            try:
                body = await self._answer(exchange)
            except ClientLeft:
                sighting.failed(StatusCode.CANCELLED)
            except Exception as error:  # the edge: see Refusal.of
                refusal = Refusal.of(error, self._endpoint.rpc.name)
                sighting.failed(code_of(error), error)
                await exchange.respond(refusal.body, refusal.http_status, refusal.headers)
            else:
                await exchange.respond(body)

    async def _answer(self, exchange: Exchange) -> bytes:
        async with self._door.opened(exchange, self._endpoint.rpc, self._binding) as request:
            response = await self._endpoint.answer(request)
            return await aside(to_json, response, size_bytes=response.ByteSize())


class StreamCall:
    """An RPC with a stream of responses, as an ASGI application: a line of JSON for each, sent as soon as it is known.

    What fails before the first one is refused like any call; what fails later is told by the last line.
    Source: reference wire-api §11.
    """

    def __init__(self, endpoint: StreamEndpoint, binding: Binding, door: Door, observation: Observation) -> None:
        self._endpoint = endpoint
        self._binding = binding
        self._door = door
        self._observed = observation.of(EdgeTransport.HTTP, endpoint.rpc.name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        with self._observed(exchange) as sighting:
            try:
                await self._answer(exchange)
            except ClientLeft:
                sighting.failed(StatusCode.CANCELLED)
                return
            except Exception as error:  # the edge: see Refusal.of
                refusal = Refusal.of(error, self._endpoint.rpc.name)
                sighting.failed(code_of(error), error)
                await exchange.send_line(refusal.line, refusal.http_status, refusal.headers)
            await exchange.end()

    async def _answer(self, exchange: Exchange) -> None:
        async with self._door.opened(exchange, self._endpoint.rpc, self._binding) as request:
            await self._endpoint.pour(request, _Lines(exchange))


class _Lines:
    """Sends into one response, a line for each message."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def open(self) -> None:
        await self._exchange.begin()

    async def send(self, response: Message) -> None:
        await self._exchange.send_line(await aside(_line_of, response, size_bytes=response.ByteSize()))


def _line_of(response: Message) -> bytes:
    return b'{"result":' + to_json(response) + b"}\n"
