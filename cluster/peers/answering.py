"""The answering end of one stream: what a peer asks is answered here, by this node alone, and never asked on.

Each ask is a task of its own. Answers that are ready when a frame is written go into it together, so those that took no
waiting leave in one frame, as they came. The asking end writes only so far ahead; so within ``WORD_WITHIN_S`` it
is told what has been taken up, even if nothing is ready. A peer that does not read its answers is not read either.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import structlog

from cluster.invoker.answers import Answered, OwnAnswers
from cluster.peers.duplex import Duplex
from cluster.peers.settings import WORD_WITHIN_S, PeerSettings
from cluster.peers.wire_answers import answer_to_proto
from cluster.peers.wire_asks import request_from_proto
from model.errors import AuthzError, LimitExceeded, Unavailable
from proto.dispatch.v1 import dispatch_pb2 as pb
from telemetry.calls import Served, set_call

log = structlog.get_logger(__name__)


class _Running(NamedTuple):
    task: asyncio.Task[None]
    timer: asyncio.TimerHandle


class _Ready(NamedTuple):
    message: pb.Answer
    size_bytes: int


class Answering:
    """Answers one peer. frames: of its stream. hears_farewell: called when the peer says that it leaves.

    answered: how many asks have come to an answer, or an error, while the peer still waited.
    """

    def __init__(
        self, own: OwnAnswers, frames: Duplex, settings: PeerSettings, hears_farewell: Callable[[], None]
    ) -> None:
        self._own = own
        self._frames = frames
        self._settings = settings
        self._hears_farewell = hears_farewell
        self._loop = asyncio.get_running_loop()
        self._running: dict[int, _Running] = {}
        self._ready: deque[_Ready] = deque()
        self._frames_taken = 0
        self._frames_told = 0
        self._word_timer: asyncio.TimerHandle | None = None
        self._owes_word = False
        self._owes_farewell = False
        self._is_leaving = False
        self._has_room = True
        self._is_held = False
        self._is_writing_soon = False
        self._is_over = asyncio.Event()
        self.answered = 0

    def __repr__(self) -> str:
        return f"<Answering {len(self._running)} asks, {len(self._ready)} answers ready>"

    async def run(self) -> None:
        """Answer until the peer ends the stream, or until this node has left. Raises DecodeError for nonsense."""
        try:
            async with asyncio.TaskGroup() as group:
                carrying = group.create_task(self._frames.carry(partial(self._take, group), self._go_on))
                carrying.add_done_callback(lambda _: self._is_over.set())
                await self._is_over.wait()
                carrying.cancel()
                for ask_id in tuple(self._running):
                    self._drop(ask_id)
        except ExceptionGroup as broken:
            raise broken.exceptions[0] from None

    def say_farewell(self) -> None:
        """Tell the peer that this node leaves; it is answered on."""
        self._owes_farewell = True
        self._write_soon()

    def leave(self) -> None:
        """Answer what has been asked, and end the stream then."""
        self._is_leaving = True
        self.say_farewell()

    def _take(self, group: asyncio.TaskGroup, raw: bytes) -> None:
        frame = pb.Frame.FromString(raw)
        self._frames_taken += 1
        for ask_id in frame.cancellations:
            self._drop(ask_id)
        for ask in frame.asks:
            self._take_up(ask, group)
        if frame.farewell:
            self._hears_farewell()
        if self._word_timer is None:
            self._word_timer = self._loop.call_later(WORD_WITHIN_S, self._owe_word)

    def _take_up(self, ask: pb.Ask, group: asyncio.TaskGroup) -> None:
        if self._is_leaving:
            self._put(ask.id, Unavailable("this node is leaving the cluster"))
        elif len(self._running) + len(self._ready) >= self._settings.most_asks:
            self._put(ask.id, LimitExceeded(f"{self._settings.most_asks} asks are in flight already"))
        else:
            timer = self._loop.call_later(ask.timeout_ms / 1000, self._drop, ask.id)
            self._running[ask.id] = _Running(group.create_task(self._answer(ask)), timer)

    def _drop(self, ask_id: int) -> None:
        """Stop looking for an answer nobody waits for any more, by their word or by the clock."""
        if (running := self._running.pop(ask_id, None)) is not None:  # else it was answered meanwhile
            running.timer.cancel()
            running.task.cancel()
            self._write_soon()

    async def _answer(self, ask: pb.Ask) -> None:
        _bind(ask)
        outcome: Answered | AuthzError
        try:
            request = request_from_proto(ask)
            outcome = await self._own.answer(request, wants_evidence=ask.wants_evidence)
        except AuthzError as error:
            outcome = error
        except Exception as error:  # the edge: a peer must not see a traceback either
            log.exception("an ask failed", exc_info=error)
            outcome = Unavailable("internal error")
        if (running := self._running.pop(ask.id, None)) is not None:
            running.timer.cancel()
            self.answered += 1
            self._put(ask.id, outcome)

    def _put(self, ask_id: int, outcome: Answered | AuthzError) -> None:
        """Have the next frame take the answer along."""
        try:
            message = answer_to_proto(ask_id, outcome)
            size_bytes = message.ByteSize()
            if size_bytes > self._settings.most_message_bytes:
                raise ValueError(f"an answer of {size_bytes} bytes is too large to travel")
        except ValueError as error:
            message = answer_to_proto(ask_id, Unavailable(str(error)))
            size_bytes = message.ByteSize()
        self._ready.append(_Ready(message, size_bytes))
        if len(self._ready) >= self._settings.most_asks:
            self._is_held = True
            self._frames.hold()
        self._write_soon()

    def _write_soon(self) -> None:
        """A turn of the loop later: whatever else is answered until then comes along."""
        if not self._is_writing_soon:
            self._is_writing_soon = True
            self._loop.call_soon(self._loop.call_soon, self._write)

    def _write(self) -> None:
        self._is_writing_soon = False
        if self._is_over.is_set():
            return
        while self._has_room and (frame := self._next_frame()) is not None:
            self._has_room = self._frames.send(frame.SerializeToString())
        if self._is_held and len(self._ready) < self._settings.most_asks:
            self._is_held = False
            self._frames.go_on()
        if self._is_leaving and self._has_room and not self._running and not self._ready:
            self._is_over.set()

    def _go_on(self) -> None:
        self._has_room = True
        self._write()

    def _owe_word(self) -> None:
        self._word_timer = None
        self._owes_word = self._frames_taken > self._frames_told
        self._write_soon()

    def _next_frame(self) -> pb.Frame | None:
        """What is there to say now; None if there is nothing."""
        if not (self._ready or self._owes_word or self._owes_farewell):
            return None
        frame = pb.Frame(taken=self._frames_taken, farewell=self._owes_farewell)
        self._frames_told = self._frames_taken
        self._owes_word = self._owes_farewell = False
        room_bytes = self._settings.most_frame_bytes
        while self._ready and len(frame.answers) < self._settings.most_asks_per_frame:
            room_bytes -= self._ready[0].size_bytes
            if room_bytes < 0 and frame.answers:
                break
            frame.answers.append(self._ready.popleft().message)
        return frame


def _bind(ask: pb.Ask) -> None:
    """What logs and traces of the asking node name, ours name too. The task has a context of its own."""
    set_call(Served.elsewhere(ask.request_id, ask.traceparent, ask.tracestate))
