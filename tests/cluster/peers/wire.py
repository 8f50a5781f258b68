"""A stream between two peers of which the test is one."""

from __future__ import annotations

import asyncio
from typing import Any

from cluster.peers.duplex import Pumped
from proto.dispatch.v1 import dispatch_pb2 as pb
from tests.cluster.peers.two_nodes import PATIENCE_S


class Wire(Pumped):
    """Says what the test has it say; ``may_write`` cleared, it takes nothing."""

    def __init__(self) -> None:
        self.written: asyncio.Queue[pb.Frame] = asyncio.Queue()
        self.coming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.may_write = asyncio.Event()
        self.may_write.set()
        super().__init__(self.coming.get, self._keep)

    async def _keep(self, raw: bytes) -> None:
        await self.may_write.wait()
        self.written.put_nowait(pb.Frame.FromString(raw))

    def says(self, *asks: pb.Ask, **frame: Any) -> None:
        self.coming.put_nowait(pb.Frame(asks=asks, **frame).SerializeToString())

    async def frame(self) -> pb.Frame:
        async with asyncio.timeout(PATIENCE_S):
            return await self.written.get()
