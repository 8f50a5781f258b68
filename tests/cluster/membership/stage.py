"""A roster among nodes that answer as they are told to, in a time of its own."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.member import Member
from cluster.membership.roster import Roster
from cluster.membership.roster_settings import RosterSettings
from cluster.peers.card import PROTOCOLS, Card, CardState, PeerRefused

SILENT = "silent"
Answer = Card | PeerRefused | str
"""What a node says when asked who it is; a string for nothing."""


def card(name: str, state: CardState = CardState.SERVING, *, zone: str = "", weight: int = 1) -> Card:
    return Card("here", PROTOCOLS, Member(f"{name}:5000", zone, weight), state)


def listed(*names: str) -> frozenset[Member]:
    """As an engine without tags has them."""
    return frozenset(Member(f"{name}:5000") for name in names)


class Stage:
    """One roster, and what the nodes it may ask say; whom nobody gave an answer is silent.

    published: all member sets so far with the times they became effective. asked: all questions with their times.
    """

    def __init__(self, me: str = "me", settings: RosterSettings | None = None) -> None:
        self.roster = Roster(card(me), settings or RosterSettings(), lambda: 0.5)
        self.now_s = 0.0
        self.answers: dict[str, Answer] = {}
        self.members = frozenset({card(me).member})
        self.published: list[tuple[float, frozenset[Member]]] = []
        self.asked: list[tuple[float, str]] = []
        self._wake_at_s: float | None = None

    @property
    def names(self) -> str:
        """Of those in the set, in order."""
        return " ".join(sorted(member.address.split(":")[0] for member in self.members))

    def say(self, *cards: Card) -> None:
        for one in cards:
            self.answers[one.member.address] = one

    def hush(self, *names: str) -> None:
        for name in names:
            self.answers[f"{name}:5000"] = SILENT

    def see(self, view: Iterable[Member]) -> None:
        self.roster.seen(view, self.now_s)
        self.turn()

    def lose(self) -> None:
        self.roster.lost()
        self.turn()

    def farewell(self, name: str) -> None:
        self.roster.farewell(f"{name}:5000", self.now_s)
        self.turn()

    def turn(self) -> None:
        """Do what the roster wants done now; nodes answer at once."""
        for _ in range(100):
            instructions = self.roster.advance(self.now_s)
            self._wake_at_s = instructions.wake_at_s
            if instructions.members is not None:
                assert instructions.members != self.members
                self.members = instructions.members
                self.published.append((self.now_s, self.members))
            if not instructions.ask:
                return
            for address in sorted(instructions.ask):
                self.asked.append((self.now_s, address))
                self._answer(address)
        raise AssertionError(f"the roster goes on asking for ever: {self.asked[-3:]}")

    def wait(self, seconds: float) -> None:
        """Let time pass, waking the roster when it wants to be."""
        until_s = self.now_s + seconds
        self.turn()
        while self._wake_at_s is not None and self._wake_at_s <= until_s:
            assert self._wake_at_s > self.now_s, "what is due now was done"
            self.now_s = self._wake_at_s
            self.turn()
        self.now_s = until_s

    def gather(self, *names: str) -> None:
        """All of these serve, are listed, and are in."""
        self.say(*map(card, names))
        self.see(listed(*names))
        self.wait(1.0)
        assert set(names) <= set(self.names.split())

    def times_asked(self, name: str) -> list[float]:
        return [at_s for at_s, address in self.asked if address == f"{name}:5000"]

    def _answer(self, address: str) -> None:
        match self.answers.get(address, SILENT):
            case Card() as shown:
                self.roster.answered(address, shown, self.now_s)
            case PeerRefused() as refusal:
                self.roster.refuses(address, str(refusal), self.now_s)
            case _:
                self.roster.silent(address, self.now_s)
