"""What the peer port serves: conversations and the card, for nodes of our cluster alone.

Every call passes the greeting before anything of it is read. A caller that fails is told why, and so is the log, once
in a while for each: whoever is refused may come again and again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
from cachetools import TTLCache
from google.protobuf.message import DecodeError
from grpc import StatusCode

from cluster.invoker.answers import OwnAnswers
from cluster.invoker.warm_up import KeptAnswer
from cluster.member import Member
from cluster.peers.answering import Answering
from cluster.peers.calls import PeerCall, PeerMethod, Refused
from cluster.peers.card import Card, PeerRefused
from cluster.peers.greeting import Greeted, Greeter, WrongKey
from cluster.peers.oversight import Oversight
from cluster.peers.oversight_rpcs import oversight_rpcs
from cluster.peers.settings import PeerSettings
from cluster.peers.wire_cards import CARD, CONVERSE, WARM, card_to_proto
from cluster.peers.wire_warmth import kept_to_proto
from proto.dispatch.v1 import dispatch_pb2 as pb

log = structlog.get_logger(__name__)

Gives = Callable[[Member, int], Awaitable[Sequence[KeptAnswer]]]
"""The hottest answers, at most so many, to what a member that joins will own."""

_ANSWERS_PER_MESSAGE = 100  # to a node that joins; some 100 kB
_REMEMBERED_S = 60.0
_MOST_REFUSED = 64  # whoever comes with ever new addresses fills no log


class PeerService:
    """Answers the peers of a node.

    card: what the node says of itself now. hears_farewell: called with the address of a peer that says it is about to
    leave. gives: the hottest answers, at most so many, to what a member that joins will own. oversight: what people may
    ask of the node, if it is served.
    """

    def __init__(
        self,
        own: OwnAnswers,
        greeter: Greeter,
        settings: PeerSettings,
        *,
        card: Callable[[], Card],
        hears_farewell: Callable[[str], None],
        gives: Gives,
        oversight: Oversight | None = None,
    ) -> None:
        self._gives = gives
        self._own = own
        self._greeter = greeter
        self._settings = settings
        self._card = card
        self._hears_farewell = hears_farewell
        self._oversight = oversight
        self._answered_on_closed = 0
        self._open: set[Answering] = set()
        self._is_leaving = False
        self._refused: TTLCache[str, None] = TTLCache(_MOST_REFUSED, _REMEMBERED_S)

    def __repr__(self) -> str:
        return f"<PeerService {len(self._open)} streams>"

    def methods(self) -> Sequence[PeerMethod]:
        """What is served."""
        oversight = oversight_rpcs(self._oversight) if self._oversight else {}
        return (
            PeerMethod(CONVERSE, self._converse, is_stream=True),
            PeerMethod(CARD, self._show_card),
            PeerMethod(WARM, self._warm),
            *(PeerMethod(name, self._greeted_first(answer)) for name, answer in oversight.items()),
        )

    @property
    def answered(self) -> int:
        """How many asks of peers have been answered since the node started."""
        return self._answered_on_closed + sum(answering.answered for answering in self._open)

    def say_farewell(self) -> None:
        """Tell all peers that ask this node that it leaves; they are answered on."""
        for answering in self._open:
            answering.say_farewell()

    def leave(self) -> None:
        """Answer what has been asked and nothing more, and end each stream then."""
        self._is_leaving = True
        for answering in self._open:
            answering.leave()

    async def _converse(self, call: PeerCall) -> None:
        greeted = await self._greet(call)
        answering = Answering(self._own, call.frames(), self._settings, partial(self._heard_farewell, greeted.address))
        self._open.add(answering)
        if self._is_leaving:
            answering.leave()
        try:
            await answering.run()
        except DecodeError as error:
            raise Refused(StatusCode.INVALID_ARGUMENT, "this is no frame") from error
        finally:
            self._open.discard(answering)
            self._answered_on_closed += answering.answered

    async def _show_card(self, call: PeerCall) -> None:
        await self._greet(call)
        await call.write(card_to_proto(self._card()).SerializeToString())

    async def _warm(self, call: PeerCall) -> None:
        await self._greet(call)
        request = pb.WarmRequest.FromString(await call.message())
        newcomer = Member(request.address, request.zone, request.weight)
        answers = await self._gives(newcomer, request.most)
        for start in range(0, len(answers), _ANSWERS_PER_MESSAGE):
            part = map(kept_to_proto, answers[start : start + _ANSWERS_PER_MESSAGE])
            await call.write(pb.WarmAnswers(answers=part).SerializeToString())
        log.info("gave answers to a node that joins", peer=newcomer.address, answers=len(answers))

    def _greeted_first(self, answer: Callable[[bytes], Awaitable[bytes]]) -> Callable[[PeerCall], Awaitable[None]]:
        async def greet_and_answer(call: PeerCall) -> None:
            await self._greet(call)
            await call.write(await answer(await call.message()))

        return greet_and_answer

    async def _greet(self, call: PeerCall) -> Greeted:
        """Who calls. Raises Refused if it is none of our peers."""
        try:
            greeted = self._greeter.asked_by(call.metadata)
        except PeerRefused as refusal:
            self._note(call.came_from, str(refusal))
            code = StatusCode.UNAUTHENTICATED if isinstance(refusal, WrongKey) else StatusCode.FAILED_PRECONDITION
            raise Refused(code, str(refusal)) from refusal
        await call.open(self._greeter.answering(call.metadata))
        return greeted

    def _heard_farewell(self, address: str) -> None:
        log.info("a peer leaves", peer=address)
        self._hears_farewell(address)

    def _note(self, came_from: str, reason: str) -> None:
        if reason not in self._refused and len(self._refused) < _MOST_REFUSED:
            self._refused[reason] = None
            log.warning("a peer was refused", came_from=came_from, reason=reason)
