"""The asking end of one stream to a peer.

    ask ─▸ waiting ── the next frame ──▸ asked ── its answer ──▸ outcome

A frame takes along whatever waits when it is written; what comes meanwhile goes into the one after. So a stream that is
idle sends at once, and the busier it is the more its frames carry: a frame has its cost, whatever is in it. No
more than ``FRAMES_AHEAD`` frames are written beyond those the peer has taken up. What is not sent is kept here, where
it is counted; so a peer that does not read costs what ``PeerSettings`` allows and no more.

Nothing here waits but ``run``: asks come and go synchronously, also before the stream stands.
A frame is written one turn of the loop after there was something to say: whoever else asks in this one comes along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from cluster.invoker.answers import NoAnswer
from cluster.peers.duplex import Duplex
from cluster.peers.settings import FRAMES_AHEAD, PeerSettings
from proto.dispatch.v1 import dispatch_pb2 as pb


class TooLate(NoAnswer):
    """The time given for an ask ran out."""


class Asking:
    """One ask on its way. ``outcome`` gets the answer, or why there will be none."""

    __slots__ = ("_timer", "_until_s", "id", "outcome")

    def __init__(self, ask_id: int, timeout_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self.id = ask_id
        self.outcome: asyncio.Future[pb.Answer | NoAnswer] = loop.create_future()
        self._until_s = loop.time() + timeout_s
        self._timer = loop.call_at(self._until_s, self.end, TooLate())

    def end(self, outcome: pb.Answer | NoAnswer) -> None:
        """Give whoever waits the outcome, unless there is one already."""
        self._timer.cancel()
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def left_ms(self, now_s: float) -> int:
        """How long whoever waits will do so, by the clock of the loop; at least 1."""
        return min(max(1, round((self._until_s - now_s) * 1000)), _MOST_MS)


class _Waiting(NamedTuple):
    """What is not yet sent. The message goes with the frame: nobody keeps it while the peer thinks."""

    asking: Asking
    message: pb.Ask
    size_bytes: int


class Conversation:
    """Asks one peer. hears_farewell: called when the peer says that it leaves."""

    def __init__(self, settings: PeerSettings, clock: Callable[[], float], hears_farewell: Callable[[], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._hears_farewell = hears_farewell
        self._waiting: dict[int, _Waiting] = {}
        self._asked: dict[int, Asking] = {}
        self._waiting_bytes = 0
        self._cancellations: list[int] = []
        self._owes_farewell = False
        self._last_id = 0
        self._frames_written = 0
        self._frames_taken = 0
        self._owed_since_s = clock()
        self._line: Duplex | None = None
        self._has_room = True
        self._is_writing_soon = False
        self.has_heard_farewell = False

    def __repr__(self) -> str:
        return f"<Conversation {len(self._waiting)} waiting, {len(self._asked)} asked>"

    @property
    def in_flight(self) -> int:
        """How many asks have no outcome yet."""
        return len(self._waiting) + len(self._asked)

    @property
    def silent_s(self) -> float:
        """How long the peer has owed a sign of life: since it was heard last, or since there has been anything to ask.

        Meaningful while anything is in flight.
        """
        return self._clock() - self._owed_since_s

    def ask(self, message: pb.Ask, timeout_s: float) -> Asking:
        """Put an ask on the next frame. Raises NoAnswer if it is too large, or too much is in flight already."""
        size_bytes = message.ByteSize()
        if size_bytes > self._settings.most_message_bytes:
            raise NoAnswer(f"an ask of {size_bytes} bytes is too large to travel")
        waiting_bytes = self._waiting_bytes + size_bytes
        if self.in_flight >= self._settings.most_asks or waiting_bytes > self._settings.most_waiting_bytes:
            raise NoAnswer(f"{self.in_flight} asks are in flight already")
        if not self.in_flight:
            self._owed_since_s = self._clock()
        self._last_id += 1
        message.id = self._last_id
        asking = Asking(message.id, timeout_s, self._loop)
        self._waiting[message.id] = _Waiting(asking, message, size_bytes)
        self._waiting_bytes = waiting_bytes
        self._write_soon()
        return asking

    def give_up(self, asking: Asking) -> None:
        """Nobody waits for this ask any more; the peer is told if it has heard of it."""
        asking.end(NoAnswer("it was given up"))
        if waiting := self._waiting.pop(asking.id, None):
            self._waiting_bytes -= waiting.size_bytes
        elif self._asked.pop(asking.id, None):
            self._cancellations.append(asking.id)
            self._write_soon()

    def say_farewell(self) -> None:
        """Tell the peer that this node leaves."""
        self._owes_farewell = True
        self._write_soon()

    def end(self, reason: str) -> None:
        """There will be no answers any more."""
        for asking in (*(waiting.asking for waiting in self._waiting.values()), *self._asked.values()):
            asking.end(NoAnswer(reason))
        self._waiting.clear()
        self._asked.clear()
        self._waiting_bytes = 0

    async def run(self, line: Duplex) -> None:
        """Converse until the peer ends the stream. Raises NoAnswer if it breaks, DecodeError for nonsense."""
        self._line = line
        self._write_soon()
        try:
            await line.carry(self._hear, self._go_on)
        finally:
            self._line = None

    def _write_soon(self) -> None:
        if self._line is not None and not self._is_writing_soon:
            self._is_writing_soon = True
            self._loop.call_soon(self._loop.call_soon, self._write)

    def _write(self) -> None:
        self._is_writing_soon = False
        while self._line and self._has_room and (frame := self._next_frame()) is not None:
            self._has_room = self._line.send(frame.SerializeToString())

    def _go_on(self) -> None:
        self._has_room = True
        self._write()

    def _next_frame(self) -> pb.Frame | None:
        """What is there to say now; None if there is nothing, or the peer has not taken up what was said."""
        if self._frames_written - self._frames_taken >= FRAMES_AHEAD:
            return None
        if not (self._waiting or self._cancellations or self._owes_farewell):
            return None
        frame = pb.Frame(cancellations=self._cancellations, farewell=self._owes_farewell)
        self._cancellations.clear()
        self._owes_farewell = False
        self._take_asks(frame)
        self._frames_written += 1
        return frame

    def _take_asks(self, frame: pb.Frame) -> None:
        now_s = self._loop.time()
        room_bytes = self._settings.most_frame_bytes
        for asking, message, size_bytes in tuple(islice(self._waiting.values(), self._settings.most_asks_per_frame)):
            room_bytes -= size_bytes
            if room_bytes < 0 and frame.asks:
                break
            message.timeout_ms = asking.left_ms(now_s)
            frame.asks.append(message)
            del self._waiting[asking.id]
            self._asked[asking.id] = asking
            self._waiting_bytes -= size_bytes

    def _hear(self, raw: bytes) -> None:
        frame = pb.Frame.FromString(raw)
        self._owed_since_s = self._clock()
        if frame.taken != self._frames_taken:
            self._frames_taken = frame.taken
            self._write_soon()
        for answer in frame.answers:
            asking = self._asked.pop(answer.id, None)  # None: it was given up meanwhile
            if asking is not None:
                asking.end(answer)
        if frame.farewell:
            self.has_heard_farewell = True
            self._hears_farewell()


_MOST_MS = 2**31  # three weeks
