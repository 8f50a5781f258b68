"""How the responses of a stream reach its client, whatever the transport.

A handler yields responses. One whose client must know when the stream stands, and may not fall silent, first yields
``Established``: what happens from then on will be seen. A transport gives ``pour`` an outlet. If the outlet does not
take a response for as long as is allowed, the handler hears ``Stalled`` where it yielded, and can say how to
go on; so a client that has stopped reading costs what the transport buffers and one response, for a bounded time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message

from model.errors import LimitExceeded

STALL_TIMEOUT_S = 30.0
"""How long a client may leave a response untaken, unless the handler says otherwise."""


@dataclass(frozen=True, slots=True)
class Established:
    """The stream stands; its client must take each response within ``stall_timeout_s``."""

    stall_timeout_s: float


Responses = AsyncGenerator[Message | Established]


class Stalled(LimitExceeded):
    """The client has not taken a response in time."""


class Outlet(Protocol):
    """Where a transport sends the responses of one stream."""

    async def open(self) -> None:
        """Tell the client that the stream stands, before there is anything to send."""

    async def send(self, response: Message) -> None:
        """Send a response; waits as long as the transport's buffers are full. It may be given up by cancellation."""


async def pour(responses: Responses, outlet: Outlet) -> None:
    """Send all responses. Raises what the handler raises, and LimitExceeded if the client stalls."""
    stall_timeout_s = STALL_TIMEOUT_S
    async for response in responses:
        if isinstance(response, Established):
            stall_timeout_s = response.stall_timeout_s
            await outlet.open()
            continue
        try:
            async with asyncio.timeout(stall_timeout_s) as limit:
                await outlet.send(response)
        except TimeoutError:
            if not limit.expired():
                raise
            stalled = Stalled(f"the client has taken no message for {stall_timeout_s:g} s")
            await responses.athrow(stalled)
            raise stalled from None  # the handler had nothing to add
