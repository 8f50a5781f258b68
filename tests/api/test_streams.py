"""How responses are poured: when the stream stands, and what becomes of a client that takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from google.protobuf.message import Message

import api.streams
from api.grpc_calls import OnceForAll
from api.services import Rpc, StreamEndpoint
from api.streams import Established, Responses, Stalled, pour
from model.errors import InvalidRequest, LimitExceeded
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb

SOON_S = 0.01
MESSAGES = [pb.WatchResponse(changes=base.DataChanges(snap_token=text)) for text in "abc"]
WATCH = Rpc.of(pb.DESCRIPTOR.services_by_name["Watch"].methods_by_name["Watch"])


class Client:
    """Takes so many messages and then no more."""

    def __init__(self, takes: int = 100) -> None:
        self.heard: list[str] = []
        self.is_full = asyncio.Event()
        self._takes = takes

    async def open(self) -> None:
        self.heard.append("open")

    async def send(self, response: Message) -> None:
        assert isinstance(response, pb.WatchResponse)
        if len(self.heard) > self._takes:
            self.is_full.set()
            await asyncio.Event().wait()
        self.heard.append(response.changes.snap_token)


class Handler:
    """Yields three messages, and notes how it ends."""

    def __init__(self, stall_timeout_s: float | None = SOON_S) -> None:
        self.ended_by = ""
        self._stall_timeout_s = stall_timeout_s

    async def watch(self, _: Message) -> Responses:
        try:
            if self._stall_timeout_s is not None:
                yield Established(self._stall_timeout_s)
            for message in MESSAGES:
                yield message
        except BaseException as error:
            self.ended_by = type(error).__name__
            raise
        self.ended_by = "itself"


async def test_the_stream_is_opened_before_the_first_message_and_once() -> None:
    client, handler = Client(), Handler()
    await pour(handler.watch(pb.WatchRequest()), client)
    assert (client.heard, handler.ended_by) == (["open", "a", "b", "c"], "itself")


async def test_a_handler_that_says_nothing_of_itself_is_bounded_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.streams, "STALL_TIMEOUT_S", SOON_S)
    client, handler = Client(takes=1), Handler(stall_timeout_s=None)
    with pytest.raises(LimitExceeded, match="has taken no message"):
        await pour(handler.watch(pb.WatchRequest()), client)
    assert (client.heard, handler.ended_by) == (["a", "b"], "Stalled")


async def test_a_handler_hears_of_a_client_that_takes_nothing() -> None:
    client, handler = Client(takes=1), Handler()
    with pytest.raises(LimitExceeded, match=r"has taken no message for 0\.01 s"):
        await pour(handler.watch(pb.WatchRequest()), client)
    assert (client.heard, handler.ended_by) == (["open", "a"], "Stalled")


async def test_a_handler_may_say_more_and_may_not_go_on() -> None:
    async def explains() -> Responses:
        try:
            yield Established(SOON_S)
            yield MESSAGES[0]
        except Stalled as error:
            raise LimitExceeded("go on from a") from error

    async def goes_on() -> Responses:
        yield Established(SOON_S)
        try:
            yield MESSAGES[0]
        except Stalled:
            yield MESSAGES[1]

    for handler, said in ((explains, "go on from a"), (goes_on, "taken no message")):
        async with aclosing(handler()) as responses:
            with pytest.raises(LimitExceeded, match=said):
                await pour(responses, Client(takes=0))


async def test_a_transport_that_times_out_by_itself_is_no_stalled_client() -> None:
    class Broken(Client):
        async def send(self, response: Message) -> None:
            await super().send(response)
            raise TimeoutError("the socket's")

    handler = Handler(stall_timeout_s=60.0)
    async with aclosing(handler.watch(pb.WatchRequest())) as responses:
        with pytest.raises(TimeoutError, match="the socket's"):
            await pour(responses, Broken())


async def test_an_endpoint_validates_before_it_pours_and_closes_the_handler_when_it_is_cancelled() -> None:
    handler = Handler(stall_timeout_s=60.0)
    endpoint = StreamEndpoint(WATCH, handler.watch)
    with pytest.raises(InvalidRequest):
        await endpoint.pour(pb.WatchRequest(), Client())
    client = Client(takes=1)
    pouring = asyncio.create_task(endpoint.pour(pb.WatchRequest(tenant_id="t1"), client))
    await client.is_full.wait()
    pouring.cancel()
    await asyncio.wait([pouring])
    assert pouring.cancelled()
    assert handler.ended_by == "GeneratorExit"


async def test_answers_are_the_messages_alone() -> None:
    endpoint = StreamEndpoint(WATCH, Handler().watch)
    answers: AsyncIterator[Message] = endpoint.answers(pb.WatchRequest(tenant_id="t1"))
    assert [answer async for answer in answers] == MESSAGES


def test_what_goes_to_many_streams_is_serialized_once() -> None:
    serialize = OnceForAll()
    first, equal = MESSAGES[0], pb.WatchResponse.FromString(MESSAGES[0].SerializeToString())
    raw = serialize(first)
    assert serialize(first) is raw
    assert serialize(equal) == raw
    assert serialize(equal) is not raw
    assert pb.WatchResponse.FromString(serialize(MESSAGES[1])) == MESSAGES[1]
