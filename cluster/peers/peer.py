"""One peer, as it is asked: its stream, opened when it is first needed and anew when it breaks, and its breaker.

    idle ── an ask ──▸ opening ──▸ conversing ── the peer says farewell and ends the stream ──▸ idle
                        ▴  │            │
            a pause ────┘  └────────────┴── it fails, or the breaker opens: whoever waits gets NoAnswer

Asks are taken while the stream is being opened, unless it failed before: the breaker is open then, and nobody waits
for an attempt. So of all who ask, those who were first to meet a dead peer wait, for as long as they said; and not even
that once one of them has run out of patience.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from google.protobuf.message import DecodeError

from cluster.invoker.answers import OF_THE_REQUEST, Answered, NoAnswer
from cluster.peers.breaker import Breaker, BreakerState
from cluster.peers.card import PeerRefused
from cluster.peers.conversation import Conversation, TooLate
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeted
from cluster.peers.settings import PeerSettings
from cluster.peers.wire_answers import outcome_from_proto
from cluster.peers.wire_asks import ask_to_proto
from model.check import CheckRequest
from model.errors import AuthzError, LimitExceeded
from proto.dispatch.v1 import dispatch_pb2 as pb
from telemetry.calls import current_call
from telemetry.histogram import Histogram
from telemetry.spans import current_span

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PeerState:
    """How it stands with a peer. protocol: spoken on the stream, 0 without one.

    asked, answered, failed, given_up: counted since it was first asked; the last is of callers who did not wait.
    trouble: what was last the matter with the stream, empty if it stands.
    """

    address: str
    is_connected: bool
    breaker: BreakerState
    in_flight: int
    asked: int
    answered: int
    failed: int
    protocol: int
    trouble: str
    given_up: int = 0


class Peer:
    """Asks the peer at one address. ``run`` must be running for anything to be answered.

    durations_s: of what was asked, until it was answered or waited for no longer.
    """

    def __init__(
        self,
        address: str,
        dialler: Dialler,
        settings: PeerSettings,
        *,
        clock: Callable[[], float],
        hears_farewell: Callable[[str], None],
        doubts: Callable[[str], None],
    ) -> None:
        self._address = address
        self._dialler = dialler
        self._settings = settings
        self._clock = clock
        self._hears_farewell = hears_farewell
        self._doubts = doubts
        self._breaker = Breaker(settings.breaker)
        self._conversation: Conversation | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._is_wanted = asyncio.Event()
        self._protocol = 0
        self._trouble = ""
        self._is_refused = False
        self._asked = self._answered = self._failed = self._given_up = 0
        self.durations_s = Histogram()

    def __repr__(self) -> str:
        return f"<Peer {self._address} {self._breaker.state.value}>"

    @property
    def state(self) -> PeerState:
        """How it stands now."""
        return PeerState(
            address=self._address,
            is_connected=self._protocol > 0,
            breaker=self._breaker.state,
            in_flight=self._conversation.in_flight if self._conversation else 0,
            asked=self._asked,
            answered=self._answered,
            failed=self._failed,
            protocol=self._protocol,
            trouble=self._trouble,
            given_up=self._given_up,
        )

    async def ask(self, request: CheckRequest, *, timeout_s: float, wants_evidence: bool) -> Answered:
        """See ``Owners.ask``."""
        conversation = self._admitted()
        try:
            asking = conversation.ask(_told(request, wants_evidence=wants_evidence), timeout_s)
        except (NoAnswer, ValueError) as error:
            self._breaker.left()
            raise NoAnswer(f"{self._address} is not asked this: {error}") from error
        self._asked += 1
        asked_at_s = self._clock()
        try:
            outcome = await asking.outcome
        except asyncio.CancelledError:
            self._given_up += 1
            conversation.give_up(asking)
            if self._counts(conversation):
                self._breaker.left()
            raise
        finally:
            self.durations_s.observe(self._clock() - asked_at_s)
        if isinstance(outcome, TooLate):
            conversation.give_up(asking)
            raise self._ran_late(conversation, timeout_s)
        return self._weighed(conversation, request, outcome)

    def say_farewell(self) -> None:
        """Tell the peer that this node leaves, if it is connected."""
        if self._conversation is not None and self._protocol:
            self._conversation.say_farewell()

    def end(self) -> None:
        """Let go of whoever waits; ``run`` must have been cancelled."""
        self._release(f"{self._address} is asked no longer")

    async def run(self) -> None:
        """Open the stream when it is wanted, and anew when it breaks, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._is_wanted.wait()
                self._attempt = group.create_task(self._converse())
                await asyncio.wait((self._attempt,))
                if self._breaker.state is BreakerState.OPEN:
                    await asyncio.sleep(self._pause_s() * random.uniform(0.75, 1.25))  # noqa: S311 - lest all come at once

    def _admitted(self) -> Conversation:
        """The conversation to ask in. Raises NoAnswer if the peer is not to be asked now."""
        if not self._breaker.admit():
            raise NoAnswer(f"{self._address} is not asked now: {self._trouble}")
        if self._conversation is None:
            self._conversation = Conversation(self._settings, self._clock, self._heard_farewell)
            self._is_wanted.set()
        return self._conversation

    def _weighed(self, conversation: Conversation, request: CheckRequest, outcome: pb.Answer | NoAnswer) -> Answered:
        """The answer if it is one for the caller; else raises as ``Owners.ask`` does."""
        if isinstance(outcome, NoAnswer):
            self._failed += 1
            raise outcome
        told = _understood(request, outcome)
        failure = _failure(told)
        if failure is not None and not isinstance(failure, OF_THE_REQUEST):
            self._could_not(conversation, failure)
            raise NoAnswer(f"{self._address} could not answer: {failure}") from failure
        self._answered += 1
        if self._counts(conversation):
            self._breaker.answered()
        if isinstance(told, AuthzError):
            raise told
        return told

    def _could_not(self, conversation: Conversation, failure: AuthzError) -> None:
        self._failed += 1
        if not self._counts(conversation):
            return
        if isinstance(failure, LimitExceeded) or conversation.has_heard_farewell:
            # It is busy or about to leave, and still at work on what others asked: nobody loses time by asking.
            self._breaker.left()
        elif self._breaker.failed(silent_s=0.0):
            self._break_off(f"{self._address} could not answer several times: {failure}")

    def _ran_late(self, conversation: Conversation, timeout_s: float) -> NoAnswer:
        self._failed += 1
        reason = f"{self._address} has given no answer within {timeout_s:.3g} s"
        if self._counts(conversation) and self._breaker.failed(silent_s=conversation.silent_s):
            self._break_off(reason)
        return NoAnswer(reason)

    def _counts(self, conversation: Conversation) -> bool:
        """Whether what becomes of an ask tells anything of the peer. Not if its stream has been given up meanwhile.

        Many run late at one moment: the first of them breaks off, and the others must not count as failures of a
        stream that is yet to be opened.
        """
        return conversation is self._conversation

    def _break_off(self, reason: str) -> None:
        """Give up the stream: whoever waits answers otherwise, and the peer stops what it does for us."""
        self._release(reason)
        if self._attempt is not None:
            self._attempt.cancel()
        self._note(reason)
        self._doubts(self._address)

    def _broke(self, reason: str) -> None:
        """The stream has broken, or could not be opened."""
        was_doubted = self._breaker.state is BreakerState.OPEN
        self._breaker.broke()
        self._note(reason)
        if not was_doubted:
            self._doubts(self._address)

    def _release(self, reason: str) -> None:
        if self._conversation is not None:
            self._conversation.end(reason)
            self._conversation = None

    async def _converse(self) -> None:
        """Open the stream and hold it until it ends."""
        conversation = self._conversation or Conversation(self._settings, self._clock, self._heard_farewell)
        self._conversation = conversation
        try:
            async with self._dialler.conversing(self._address) as (line, greeted):
                self._stands(greeted)
                await conversation.run(line)
            self._ended(conversation)
        except NoAnswer as failure:
            self._is_refused = isinstance(failure, PeerRefused)
            self._broke(str(failure))
        except DecodeError:
            self._broke(f"{self._address} has sent what is no frame")
        except Exception as error:  # the supervisor: the next attempt may go better
            log.exception("a conversation with a peer failed", peer=self._address, exc_info=error)
            self._broke(f"the conversation with {self._address} failed")
        finally:
            self._protocol = 0
            conversation.end(self._trouble or f"{self._address} has left")
            if self._conversation is conversation:
                self._conversation = None

    def _stands(self, greeted: Greeted) -> None:
        log.info("a peer can be asked", peer=self._address, protocol=greeted.protocol)
        self._protocol = greeted.protocol
        self._trouble = ""
        self._is_refused = False
        self._breaker.reopened()

    def _ended(self, conversation: Conversation) -> None:
        """The peer has ended the stream in good order. One that said farewell before is not sought any more."""
        if conversation.has_heard_farewell:
            self._is_wanted.clear()
        else:
            self._broke(f"{self._address} has ended the conversation")

    def _heard_farewell(self) -> None:
        log.info("a peer leaves", peer=self._address)
        self._hears_farewell(self._address)

    def _note(self, trouble: str) -> None:
        """Log what is the matter, once until it is something else."""
        if trouble != self._trouble:
            log.warning("a peer cannot be asked", peer=self._address, reason=trouble)
        self._trouble = trouble

    def _pause_s(self) -> float:
        return self._settings.refused_pause_s if self._is_refused else self._breaker.pause_s


def _told(request: CheckRequest, *, wants_evidence: bool) -> pb.Ask:
    """The request as a message, with what logs and traces of the peer should name."""
    message = ask_to_proto(request, wants_evidence=wants_evidence)
    if (call := current_call()) is not None:
        message.request_id = call.request_id
    if (span := current_span()) is not None:
        message.traceparent = span.traceparent
        message.tracestate = span.tracestate
    return message


def _understood(request: CheckRequest, answer: pb.Answer) -> Answered | AuthzError:
    try:
        told = outcome_from_proto(answer)
    except ValueError as error:
        return AuthzError(str(error))
    if isinstance(told, Answered) and len(told.answers) != len(request.questions):
        return AuthzError(f"{len(told.answers)} answers to {len(request.questions)} questions")
    return told


def _failure(told: Answered | AuthzError) -> AuthzError | None:
    """What kept the peer from answering, as a whole or the first question that has something worse than a wrong one."""
    if isinstance(told, AuthzError):
        return told
    failures = (answer.outcome for answer in told.answers if isinstance(answer.outcome, AuthzError))
    return next((failure for failure in failures if not isinstance(failure, OF_THE_REQUEST)), None)
