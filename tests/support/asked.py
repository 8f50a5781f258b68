"""A server that can stall, and a workload that asks it: what load generators are tested with."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import grpc.aio

from bench.harness.ports import Ability, Answer, Ask, Check, Connection, Reply, Request
from bench.harness.results import Loop, Parameter
from bench.harness.systems.grpc_calls import grpc_connected
from bench.workload import DRIVE_SCHEMA
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

METHOD = "/test.Asked/Ask"
RIGHT = b"right"
WRONG = b"wrong"
BROKEN = b"broken"
"""A question that is answered by an error."""


class AskedServer(grpc.GenericRpcHandler):
    """Answers over gRPC. answer: to all but what is broken; is_broken: all is. seen: every question, in order.

    stall: when and for how long it answers nobody, in seconds since the first question.
    """

    def __init__(self, *, answer: bytes = RIGHT, stall: tuple[float, float] | None = None) -> None:
        self.answer = answer
        self.is_broken = False
        self.seen: list[bytes] = []
        self.is_asked = asyncio.Event()
        self.address = ""
        self._stall = stall
        self._first_s = 0.0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[AskedServer]:
        """It serves while the context lasts."""
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return grpc.unary_unary_rpc_method_handler(self._ask)

    async def _ask(self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        self.seen.append(body)
        self.is_asked.set()
        self._first_s = self._first_s or time.monotonic()
        if self._stall is not None:
            begins_s, lasts_s = self._stall
            into_s = time.monotonic() - self._first_s - begins_s
            if 0 <= into_s < lasts_s:
                await asyncio.sleep(lasts_s - into_s)
        if self.is_broken or body == BROKEN:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no")
        return self.answer


@dataclass(frozen=True)
class AskedEndpoint:
    """Such a server, as the harness asks one."""

    addresses: Sequence[str]
    transport: Literal["grpc", "http"] = "grpc"
    headers: Mapping[str, str] = field(default_factory=dict)

    def connected(self, connections: int) -> AbstractAsyncContextManager[Connection]:
        return grpc_connected(self.addresses, connections)

    def request(self, ask: Ask) -> Request:
        assert isinstance(ask, Check)
        return Request(METHOD, ask.question.entity.id.encode(), is_right)

    def answer(self, ask: Ask, reply: Reply) -> Answer:
        del ask
        return is_right(reply)


def is_right(reply: Reply) -> bool:
    """Whether it is the answer that was expected."""
    return reply == (RIGHT,)


@dataclass(frozen=True)
class AskedDataset:
    """Nothing."""

    schema: str = DRIVE_SCHEMA

    def tuples(self) -> Iterator[RelationTuple]:
        return iter(())

    def attributes(self) -> Iterator[Attribute]:
        return iter(())


@dataclass(frozen=True)
class AskedWorkload:
    """Questions about entities 0, 1, 2 …, never the same. most: then there are no more. warm: asked to warm up."""

    name: str = "asked"
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: {"tuples": 0})
    dataset: AskedDataset = AskedDataset()
    loop: Loop = "closed"
    rate_per_s: float | None = None
    callers: int = 4
    items: int = 1
    needs: frozenset[Ability] = frozenset()
    most: int | None = None
    warm: tuple[str, ...] = ()

    def warm_up(self) -> Iterator[Ask]:
        return map(question, self.warm)

    def asks(self, *, share: int = 0, shares: int = 1) -> Iterator[Ask]:
        numbers = range(share, self.most, shares) if self.most is not None else itertools.count(share, shares)
        return (question(str(number)) for number in numbers)

    def sample(self) -> Iterator[Ask]:
        return iter((question("sample"),))


def question(entity_id: str) -> Check:
    """Whether ann may view a document."""
    return Check(Question(EntityRef("document", entity_id), "view", SubjectRef("user", "ann")))
