"""How patient a roster is with engines and nodes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RosterSettings:
    """How patient a roster is. All in seconds, but for ``silences``.

    settle, settle_at_most: changes become effective together once so long has passed without another, and so long after
    the first at most; longer means fewer rings when many nodes come at once, and later ones.
    joining, leaving: how soon a node that said so is asked again. silent, silent_at_most: how soon one that does not
    answer is, doubled each time. refused: one that is not of ours. missing: one that serves and is not in the view.
    renewal: how old the card of a serving member gets, by a quarter more or less; costs that many questions per member.
    silences: how many in a row a listed member may leave without answer and stay, less one.
    stay: shorter ones count as flapping; from the second on in a row, the node is held out for held, doubled each time,
    at most held_at_most.
    """

    settle_s: float = 0.3
    settle_at_most_s: float = 1.0
    joining_s: float = 0.5
    leaving_s: float = 2.0
    silent_s: float = 0.5
    silent_at_most_s: float = 5.0
    refused_s: float = 30.0
    missing_s: float = 3.0
    renewal_s: float = 60.0
    silences: int = 3
    stay_s: float = 60.0
    held_s: float = 10.0
    held_at_most_s: float = 120.0
