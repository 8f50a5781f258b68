"""Who is in the ring: what an engine tells and what nodes say of themselves, weighed against each other.

An engine tells who may be there; a node's own card tells who is. So an address of a view enters once its card says that
it serves, and one that vanished from the view leaves once it does not answer twice in a row. In between:

    listed, card says joining            asked again soon, until it serves
    listed, card of another cluster      refused, with the reason kept for people; asked again rarely
    serving, gone from the view          asked; stays for as long as it answers, and goes on being asked
    serving, listed, silent              stays through two silences, since the engine has it alive; leaves at the third
                                         if another node was heard meanwhile: else it is rather we who are cut off
    says itself that it leaves           leaves at once
    comes and goes within a minute       is held out for longer and longer

Losing the engine, with it the second witness, freezes the roster: from then on silence counts for nothing, since being
cut off from the engine often comes with being cut off from peers, and a ring of one's own would be cold when all come
back. What nodes say of themselves still counts. Keys of the dead are answered for by whoever is asked, so freezing
costs cache hits and never an answer.

Pure: time comes as an argument, cards are asked for by the shell (``roll_call.py``), and ``advance`` says what is next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cluster.hashring.ring import LARGEST_WEIGHT
from cluster.member import Member
from cluster.membership.candidate import NEVER_S, Candidate
from cluster.membership.roster_settings import RosterSettings
from cluster.peers.card import Card, CardState


@dataclass(frozen=True, slots=True)
class Instructions:
    """What to do now. ask: addresses whose cards are wanted; what becomes of each must be told.

    wake_at_s: when to call again if nothing happens until then; None for never. members: those that serve, if others
    than before.
    """

    ask: frozenset[str]
    wake_at_s: float | None
    members: frozenset[Member] | None


class Roster:
    """One node's. After whatever happened, ``advance`` tells what follows; times never decrease.

    card: our own, which others are compared with; its state counts for nothing here. chance: from 0 to 1, spreads
    renewals.
    """

    def __init__(self, card: Card, settings: RosterSettings, chance: Callable[[], float]) -> None:
        self._card = card
        self._settings = settings
        self._chance = chance
        self._nodes: dict[str, Candidate] = {}
        self._members = frozenset({card.member})
        self._members_told = self._members
        self._change: _Change | None = None
        self._has_view = False
        self._is_frozen = True
        self._is_retired = False
        self._heard_at_s = NEVER_S

    def __repr__(self) -> str:
        return f"<Roster of {len(self._members)}, {len(self.refused)} refused{', frozen' if self._is_frozen else ''}>"

    @property
    def refused(self) -> Mapping[str, str]:
        """Addresses of the view that are kept out although they answered when last asked, and why."""
        return {address: node.refusal for address, node in sorted(self._nodes.items()) if node.refusal}

    @property
    def is_settled(self) -> bool:
        """True if a view came, everyone in it was asked, and all that follows from it is effective."""
        is_asked = all(node.is_met for node in self._nodes.values())
        return self._has_view and is_asked and self._decided() == self._members

    def seen(self, view: Iterable[Member], now_s: float) -> None:
        """The engine tells who is there; the roster is no longer frozen."""
        self._has_view, self._is_frozen = True, False
        listed = {member.address: member for member in sorted(view)}
        listed.pop(self._card.member.address, None)
        for address, member in listed.items():
            node = self._nodes.setdefault(address, Candidate())
            if node.listed != member:
                node.listed, node.silences = member, 0
                node.ask_by(now_s)
        for address in self._nodes.keys() - listed.keys():
            node = self._nodes[address]
            if node.listed is not None:
                node.listed, node.silences, node.refusal = None, 0, ""
                node.ask_by(now_s)

    def lost(self) -> None:
        """The engine tells nothing any more."""
        self._is_frozen = True

    def answered(self, address: str, card: Card, now_s: float) -> None:
        """A node that was asked has shown its card."""
        node, asked_at_s = self._asked(address)
        if node is None:
            return
        node.silences, node.refusal = 0, ""
        self._heard_at_s = now_s
        if objection := self._objection(card):
            self._refuse(node, objection, now_s)
        elif card.member.address == self._card.member.address:  # the engine has another name for ourselves
            node.leave(now_s, self._settings)
            node.ask_by(now_s + self._settings.refused_s)
        elif card.state is CardState.LEAVING or asked_at_s <= node.farewell_at_s:
            node.leave(now_s, self._settings)
            node.ask_by(now_s + self._settings.leaving_s)
        elif card.state is CardState.JOINING:
            node.leave(now_s, self._settings)
            node.ask_by(now_s + self._settings.joining_s)
        elif now_s < node.held_until_s:
            node.refusal = f"has come and gone {node.short_stays} times within {self._settings.stay_s:g} s; held out"
            node.ask_by(node.held_until_s)
        else:
            self._enter(node, card.member, now_s)

    def refuses(self, address: str, reason: str, now_s: float) -> None:
        """A node that was asked is none of ours."""
        node, _ = self._asked(address)
        if node is not None:
            node.silences = 0
            self._heard_at_s = now_s
            self._refuse(node, reason, now_s)

    def silent(self, address: str, now_s: float) -> None:
        """A node that was asked gave no answer."""
        node, _ = self._asked(address)
        if node is None:
            return
        if not node.silences:
            node.silent_since_s = now_s
        node.silences, node.refusal = node.silences + 1, ""
        doublings = min(node.silences - 1, 10)
        node.ask_by(now_s + min(self._settings.silent_s * 2**doublings, self._settings.silent_at_most_s))
        if node.member is None:
            return
        if self._is_given_up(node):
            node.leave(now_s, self._settings)
        elif node.listed is not None and not self._is_frozen:
            self._call_witness(now_s)

    def farewell(self, address: str, now_s: float) -> None:
        """A member says that it leaves; effective at once, alone, and against what it said when asked before."""
        for known_as, node in self._nodes.items():
            if address in {known_as, node.address}:
                node.farewell_at_s = now_s
                node.leave(now_s, self._settings)
                node.ask_by(now_s + self._settings.leaving_s)
        if address != self._card.member.address:
            self._remove(address)

    def doubted(self, address: str, now_s: float) -> None:
        """Somebody found a member not answering; it is asked at once, unless it already is under question."""
        for node in self._nodes.values():
            if node.address == address and not node.silences and node.asked_at_s is None:
                node.ask_by(now_s)

    def retire(self) -> None:
        """We leave: from now on the ring is that of the others, if there are any."""
        self._is_retired = True
        self._remove(self._card.member.address)

    def advance(self, now_s: float) -> Instructions:
        """What to do now, and when to ask again."""
        self._forget(now_s)
        due = {address: node for address, node in self._nodes.items() if node.is_due(now_s)}
        for node in due.values():
            node.asked_at_s, node.ask_at_s = now_s, None
        self._settle(now_s)
        is_changed, self._members_told = self._members != self._members_told, self._members
        waking = [node.wake_at_s for node in self._nodes.values() if node.wake_at_s is not None]
        if self._change is not None:
            waking.append(self._change.effective_at_s(self._settings))
        return Instructions(frozenset(due), min(waking, default=None), self._members if is_changed else None)

    def _asked(self, address: str) -> tuple[Candidate | None, float]:
        """The node an answer is for, and when it was asked; None if nothing was asked, or it was forgotten since."""
        node = self._nodes.get(address)
        if node is None or node.asked_at_s is None:
            return None, NEVER_S
        asked_at_s, node.asked_at_s = node.asked_at_s, None
        node.is_met = True
        return node, asked_at_s

    def _objection(self, card: Card) -> str:
        mine = self._card
        if card.cluster != mine.cluster:
            return f"it is of cluster {card.cluster}, this node of cluster {mine.cluster}"
        if mine.protocols.common_with(card.protocols) is None:
            return f"it speaks peer protocol {card.protocols}, this node speaks {mine.protocols}"
        if not 1 <= card.member.weight <= LARGEST_WEIGHT:
            return f"its weight is {card.member.weight}, not 1 to {LARGEST_WEIGHT}"
        if card.member.address == mine.member.address and card.member != mine.member:
            return f"it says that peers reach it at {card.member.address}, as this node does"
        return ""

    def _refuse(self, node: Candidate, reason: str, now_s: float) -> None:
        node.leave(now_s, self._settings)
        node.refusal = reason
        node.ask_by(now_s + self._settings.refused_s)

    def _enter(self, node: Candidate, member: Member, now_s: float) -> None:
        node.enter(member, now_s)
        renewal_s = self._settings.renewal_s * (0.75 + 0.5 * self._chance())
        node.ask_by(now_s + (renewal_s if node.listed else self._settings.missing_s))

    def _is_given_up(self, node: Candidate) -> bool:
        if self._is_frozen:
            return False
        if node.listed is None:
            return node.silences >= 2
        return node.silences >= self._settings.silences and self._heard_at_s > node.silent_since_s

    def _call_witness(self, now_s: float) -> None:
        """Ask another member at once, to know whether anybody hears us: the one whose turn is next.

        Those under question themselves are asked soon anyway; were they called, two of them would call each other.
        """
        others = [
            (node.ask_at_s, address) for address, node in self._nodes.items() if node.member and not node.silences
        ]
        turns = [(at_s, address) for at_s, address in others if at_s is not None]  # else it is being asked now
        if turns:
            self._nodes[min(turns)[1]].ask_by(now_s)

    def _forget(self, now_s: float) -> None:
        for address, node in tuple(self._nodes.items()):
            if node.is_idle and now_s >= node.remembered_until_s:
                del self._nodes[address]

    def _settle(self, now_s: float) -> None:
        """Make what was decided effective, once it has settled."""
        decided = self._decided()
        if decided == self._members:
            self._change = None
            return
        if self._change is None:
            self._change = _Change(decided, now_s, now_s)
        elif self._change.members != decided:
            self._change = _Change(decided, self._change.began_at_s, now_s)
        if now_s >= self._change.effective_at_s(self._settings):
            self._members, self._change = decided, None

    def _decided(self) -> frozenset[Member]:
        """Those in, each once however many names the engine has for it."""
        serving: dict[str, Member] = {}
        for known_as, node in sorted(self._nodes.items()):
            if node.member is not None and (known_as == node.address or node.address not in serving):
                serving[node.address] = node.member
        if not (self._is_retired and serving):
            serving[self._card.member.address] = self._card.member
        return frozenset(serving.values())

    def _remove(self, address: str) -> None:
        """Take one out at once and leave all else as it is."""
        self._members = frozenset(member for member in self._members if member.address != address) or self._decided()


@dataclass(frozen=True, slots=True)
class _Change:
    """What is decided and not effective yet. The times are those of the first and the last decision."""

    members: frozenset[Member]
    began_at_s: float
    decided_at_s: float

    def effective_at_s(self, settings: RosterSettings) -> float:
        return min(self.decided_at_s + settings.settle_s, self.began_at_s + settings.settle_at_most_s)
