"""How a call comes in over HTTP: admitted, its request read, its client watched, its time limited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from google.protobuf.message import Message

from api.entrance import Call, Entrance
from api.rest.bindings import Binding
from api.rest.exchange import Exchange
from api.rest.json_form import from_json
from api.rest.time_limits import TimeLimits
from api.services import Rpc
from cluster.task_group import task_group

T = TypeVar("T")
R = TypeVar("R")

_BY_THE_WAY_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Door:
    """What all calls share. max_message_bytes: the most a body may have."""

    entrance: Entrance
    limits: TimeLimits
    max_message_bytes: int

    @asynccontextmanager
    async def opened(self, exchange: Exchange, rpc: Rpc, binding: Binding) -> AsyncIterator[Message]:
        """The request of a call, which goes on while the context lasts.

        Raises the AuthzError by which the call is turned away before its body is read; InvalidRequest or LimitExceeded
        for what is no request; and at any time ClientLeft, DeadlineExceeded, or Unavailable when the node stops.
        """
        call = Call(rpc.name, exchange.header("authorization"))
        async with self.limits.limited(exchange.timeout_s()) as limit, self.entrance.admitted(call):
            request = await self._read(exchange, rpc, binding)
            async with task_group() as group:
                watching = group.create_task(exchange.watch_client(limit))
                try:
                    yield request
                finally:
                    watching.cancel()

    async def _read(self, exchange: Exchange, rpc: Rpc, binding: Binding) -> Message:
        body = await exchange.read_body(self.max_message_bytes) if binding.has_body else b""
        request = await aside(partial(from_json, kind=rpc.request_type), body, size_bytes=len(body))
        for name, value in exchange.path_fields.items():
            setattr(request, name, value)
        return request


async def aside(convert: Callable[[T], R], value: T, *, size_bytes: int) -> R:
    """What the function makes of the value, computed on a thread if it is large.

    JSON is read at some 3 MB/s and written at 8: the loop would stand still for 15 ms per 100 kB, and the node with it.
    """
    if size_bytes <= _BY_THE_WAY_BYTES:
        return convert(value)
    return await asyncio.to_thread(convert, value)
