"""An address that may be a member's: what is known of it, and whether it is in."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.member import Member
from cluster.membership.roster_settings import RosterSettings

NEVER_S = float("-inf")


@dataclass(slots=True)
class Candidate:
    """What a roster knows of an address other than ours.

    listed: as the engine has it; None if it is not in the view. member: as its card says, while it is in.
    ask_at_s: when it is asked next, after the question now out if there is one. asked_at_s: when that was asked.
    """

    listed: Member | None = None
    member: Member | None = None
    ask_at_s: float | None = None
    asked_at_s: float | None = None
    is_met: bool = False
    silences: int = 0
    silent_since_s: float = NEVER_S
    farewell_at_s: float = NEVER_S
    entered_at_s: float = NEVER_S
    short_stays: int = 0
    held_until_s: float = NEVER_S
    remembered_until_s: float = NEVER_S
    refusal: str = ""

    @property
    def address(self) -> str:
        """Where it is reached as a member; empty while it is none."""
        return self.member.address if self.member else ""

    @property
    def is_idle(self) -> bool:
        """True if nobody wants to know anything of it."""
        return self.listed is None and self.member is None and self.asked_at_s is None

    @property
    def wake_at_s(self) -> float | None:
        """When something is to be done about it: ask, or forget."""
        if self.asked_at_s is not None:
            return None
        return self.remembered_until_s if self.is_idle else self.ask_at_s

    def is_due(self, now_s: float) -> bool:
        """True if it is to be asked now."""
        return not self.is_idle and self.asked_at_s is None and self.ask_at_s is not None and now_s >= self.ask_at_s

    def ask_by(self, at_s: float) -> None:
        """Have it asked then, if that is not to happen earlier anyway."""
        self.ask_at_s = at_s if self.ask_at_s is None else min(at_s, self.ask_at_s)

    def enter(self, member: Member, now_s: float) -> None:
        """It is in, or still is, as its card has it now."""
        if self.member is None:
            self.entered_at_s = now_s
        self.member = member

    def leave(self, now_s: float, settings: RosterSettings) -> None:
        """It is out, and may have to wait before it enters again, if it was in."""
        if self.member is None:
            return
        self.member = None
        is_short = now_s < self.entered_at_s + settings.stay_s
        self.short_stays = self.short_stays + 1 if is_short else 0
        self.remembered_until_s = now_s + settings.stay_s
        if self.short_stays > 1:
            held_s = settings.held_s * 2 ** min(self.short_stays - 2, 10)
            self.held_until_s = now_s + min(held_s, settings.held_at_most_s)
            self.remembered_until_s = self.held_until_s + settings.stay_s
